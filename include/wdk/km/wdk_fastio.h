/*
 * The file systems' fast paths (FAST_IO_DISPATCH) and the file information they speak of; part of wdm.h.
 */
#ifndef WDK_IO_H
#include "wdk_io.h"
#elif !defined(WDK_FASTIO_H)
#define WDK_FASTIO_H

typedef enum _FILE_INFORMATION_CLASS {
    FileDirectoryInformation = 1,
    FileFullDirectoryInformation,
    FileBothDirectoryInformation,
    FileBasicInformation,
    FileStandardInformation,
    FileInternalInformation,
    FileEaInformation,
    FileAccessInformation,
    FileNameInformation,
    FileRenameInformation,
    FileLinkInformation,
    FileNamesInformation,
    FileDispositionInformation,
    FilePositionInformation,
    FileFullEaInformation,
    FileModeInformation,
    FileAlignmentInformation,
    FileAllInformation,
    FileAllocationInformation,
    FileEndOfFileInformation,
    FileAlternateNameInformation,
    FileStreamInformation,
    FilePipeInformation,
    FilePipeLocalInformation,
    FilePipeRemoteInformation,
    FileMailslotQueryInformation,
    FileMailslotSetInformation,
    FileCompressionInformation,
    FileObjectIdInformation,
    FileCompletionInformation,
    FileMoveClusterInformation,
    FileQuotaInformation,
    FileReparsePointInformation,
    FileNetworkOpenInformation,
    FileAttributeTagInformation,
    FileTrackingInformation,
    FileIdBothDirectoryInformation,
    FileIdFullDirectoryInformation,
    FileValidDataLengthInformation,
    FileShortNameInformation,
    FileIoCompletionNotificationInformation,
    FileIoStatusBlockRangeInformation,
    FileIoPriorityHintInformation,
    FileSfioReserveInformation,
    FileSfioVolumeInformation,
    FileHardLinkInformation,
    FileProcessIdsUsingFileInformation,
    FileNormalizedNameInformation,
    FileNetworkPhysicalNameInformation,
    FileIdGlobalTxDirectoryInformation,
    FileIsRemoteDeviceInformation,
    FileUnusedInformation,
    FileNumaNodeInformation,
    FileStandardLinkInformation,
    FileRemoteProtocolInformation,
    FileRenameInformationBypassAccessCheck,
    FileLinkInformationBypassAccessCheck,
    FileVolumeNameInformation,
    FileIdInformation,
    FileIdExtdDirectoryInformation,
    FileReplaceCompletionInformation,
    FileHardLinkFullIdInformation,
    FileIdExtdBothDirectoryInformation,
    FileDispositionInformationEx,
    FileRenameInformationEx,
    FileRenameInformationExBypassAccessCheck,
    FileDesiredStorageClassInformation,
    FileStatInformation,
    FileMemoryPartitionInformation,
    FileStatLxInformation,
    FileCaseSensitiveInformation,
    FileLinkInformationEx,
    FileLinkInformationExBypassAccessCheck,
    FileStorageReserveIdInformation,
    FileCaseSensitiveInformationForceAccessCheck,
    FileKnownFolderInformation,
    FileMaximumInformation
} FILE_INFORMATION_CLASS,
    *PFILE_INFORMATION_CLASS;
typedef enum _DIRECTORY_NOTIFY_INFORMATION_CLASS {
    DirectoryNotifyInformation = 1,
    DirectoryNotifyExtendedInformation
} DIRECTORY_NOTIFY_INFORMATION_CLASS,
    *PDIRECTORY_NOTIFY_INFORMATION_CLASS;
typedef enum _FSINFOCLASS {
    FileFsVolumeInformation = 1,
    FileFsLabelInformation,
    FileFsSizeInformation,
    FileFsDeviceInformation,
    FileFsAttributeInformation,
    FileFsControlInformation,
    FileFsFullSizeInformation,
    FileFsObjectIdInformation,
    FileFsDriverPathInformation,
    FileFsVolumeFlagsInformation,
    FileFsSectorSizeInformation,
    FileFsDataCopyInformation,
    FileFsMetadataSizeInformation,
    FileFsFullSizeInformationEx,
    FileFsMaximumInformation
} FS_INFORMATION_CLASS,
    *PFS_INFORMATION_CLASS;

typedef struct _FILE_BASIC_INFORMATION {
    LARGE_INTEGER CreationTime;
    LARGE_INTEGER LastAccessTime;
    LARGE_INTEGER LastWriteTime;
    LARGE_INTEGER ChangeTime;
    ULONG FileAttributes;
} FILE_BASIC_INFORMATION, *PFILE_BASIC_INFORMATION;
typedef struct _FILE_STANDARD_INFORMATION {
    LARGE_INTEGER AllocationSize;
    LARGE_INTEGER EndOfFile;
    ULONG NumberOfLinks;
    BOOLEAN DeletePending;
    BOOLEAN Directory;
} FILE_STANDARD_INFORMATION, *PFILE_STANDARD_INFORMATION;
typedef struct _FILE_POSITION_INFORMATION {
    LARGE_INTEGER CurrentByteOffset;
} FILE_POSITION_INFORMATION, *PFILE_POSITION_INFORMATION;
typedef struct _FILE_NETWORK_OPEN_INFORMATION {
    LARGE_INTEGER CreationTime;
    LARGE_INTEGER LastAccessTime;
    LARGE_INTEGER LastWriteTime;
    LARGE_INTEGER ChangeTime;
    LARGE_INTEGER AllocationSize;
    LARGE_INTEGER EndOfFile;
    ULONG FileAttributes;
} FILE_NETWORK_OPEN_INFORMATION, *PFILE_NETWORK_OPEN_INFORMATION;
typedef struct _FILE_NAME_INFORMATION {
    ULONG FileNameLength;
    WCHAR FileName[1];
} FILE_NAME_INFORMATION, *PFILE_NAME_INFORMATION;
typedef struct _FILE_END_OF_FILE_INFORMATION {
    LARGE_INTEGER EndOfFile;
} FILE_END_OF_FILE_INFORMATION, *PFILE_END_OF_FILE_INFORMATION;
typedef struct _FILE_DISPOSITION_INFORMATION {
    BOOLEAN DeleteFile;
} FILE_DISPOSITION_INFORMATION, *PFILE_DISPOSITION_INFORMATION;

struct _COMPRESSED_DATA_INFO;

#define WDK_FAST_IO(ret, NAME, ...)                                                                \
    typedef ret NTAPI FAST_IO_##NAME(__VA_ARGS__);                                                 \
    typedef FAST_IO_##NAME *PFAST_IO_##NAME

WDK_FAST_IO(BOOLEAN, CHECK_IF_POSSIBLE, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            ULONG Length, BOOLEAN Wait, ULONG LockKey, BOOLEAN CheckForReadOperation,
            PIO_STATUS_BLOCK IoStatus, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, READ, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
            BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, WRITE, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            ULONG Length, BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, QUERY_BASIC_INFO, struct _FILE_OBJECT *FileObject, BOOLEAN Wait,
            PFILE_BASIC_INFORMATION Buffer, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, QUERY_STANDARD_INFO, struct _FILE_OBJECT *FileObject, BOOLEAN Wait,
            PFILE_STANDARD_INFORMATION Buffer, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, LOCK, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            PLARGE_INTEGER Length, PEPROCESS ProcessId, ULONG Key, BOOLEAN FailImmediately,
            BOOLEAN ExclusiveLock, PIO_STATUS_BLOCK IoStatus, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, UNLOCK_SINGLE, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            PLARGE_INTEGER Length, PEPROCESS ProcessId, ULONG Key, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, UNLOCK_ALL, struct _FILE_OBJECT *FileObject, PEPROCESS ProcessId,
            PIO_STATUS_BLOCK IoStatus, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, UNLOCK_ALL_BY_KEY, struct _FILE_OBJECT *FileObject, PVOID ProcessId, ULONG Key,
            PIO_STATUS_BLOCK IoStatus, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, DEVICE_CONTROL, struct _FILE_OBJECT *FileObject, BOOLEAN Wait,
            PVOID InputBuffer, ULONG InputBufferLength, PVOID OutputBuffer,
            ULONG OutputBufferLength, ULONG IoControlCode, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(VOID, ACQUIRE_FILE, struct _FILE_OBJECT *FileObject);
WDK_FAST_IO(VOID, RELEASE_FILE, struct _FILE_OBJECT *FileObject);
WDK_FAST_IO(VOID, DETACH_DEVICE, struct _DEVICE_OBJECT *SourceDevice,
            struct _DEVICE_OBJECT *TargetDevice);
WDK_FAST_IO(BOOLEAN, QUERY_NETWORK_OPEN_INFO, struct _FILE_OBJECT *FileObject, BOOLEAN Wait,
            PFILE_NETWORK_OPEN_INFORMATION Buffer, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(NTSTATUS, ACQUIRE_FOR_MOD_WRITE, struct _FILE_OBJECT *FileObject,
            PLARGE_INTEGER EndingOffset, struct _ERESOURCE **ResourceToRelease,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, MDL_READ, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            ULONG Length, ULONG LockKey, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, MDL_READ_COMPLETE, struct _FILE_OBJECT *FileObject, PMDL MdlChain,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, PREPARE_MDL_WRITE, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            ULONG Length, ULONG LockKey, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, MDL_WRITE_COMPLETE, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            PMDL MdlChain, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, READ_COMPRESSED, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            ULONG Length, ULONG LockKey, PVOID Buffer, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus,
            struct _COMPRESSED_DATA_INFO *CompressedDataInfo, ULONG CompressedDataInfoLength,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, WRITE_COMPRESSED, struct _FILE_OBJECT *FileObject, PLARGE_INTEGER FileOffset,
            ULONG Length, ULONG LockKey, PVOID Buffer, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus,
            struct _COMPRESSED_DATA_INFO *CompressedDataInfo, ULONG CompressedDataInfoLength,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, MDL_READ_COMPLETE_COMPRESSED, struct _FILE_OBJECT *FileObject, PMDL MdlChain,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, MDL_WRITE_COMPLETE_COMPRESSED, struct _FILE_OBJECT *FileObject,
            PLARGE_INTEGER FileOffset, PMDL MdlChain, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(BOOLEAN, QUERY_OPEN, struct _IRP *Irp,
            PFILE_NETWORK_OPEN_INFORMATION NetworkInformation, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(NTSTATUS, RELEASE_FOR_MOD_WRITE, struct _FILE_OBJECT *FileObject,
            struct _ERESOURCE *ResourceToRelease, struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(NTSTATUS, ACQUIRE_FOR_CCFLUSH, struct _FILE_OBJECT *FileObject,
            struct _DEVICE_OBJECT *DeviceObject);
WDK_FAST_IO(NTSTATUS, RELEASE_FOR_CCFLUSH, struct _FILE_OBJECT *FileObject,
            struct _DEVICE_OBJECT *DeviceObject);
#undef WDK_FAST_IO

typedef struct _FAST_IO_DISPATCH {
    ULONG SizeOfFastIoDispatch;
    PFAST_IO_CHECK_IF_POSSIBLE FastIoCheckIfPossible;
    PFAST_IO_READ FastIoRead;
    PFAST_IO_WRITE FastIoWrite;
    PFAST_IO_QUERY_BASIC_INFO FastIoQueryBasicInfo;
    PFAST_IO_QUERY_STANDARD_INFO FastIoQueryStandardInfo;
    PFAST_IO_LOCK FastIoLock;
    PFAST_IO_UNLOCK_SINGLE FastIoUnlockSingle;
    PFAST_IO_UNLOCK_ALL FastIoUnlockAll;
    PFAST_IO_UNLOCK_ALL_BY_KEY FastIoUnlockAllByKey;
    PFAST_IO_DEVICE_CONTROL FastIoDeviceControl;
    PFAST_IO_ACQUIRE_FILE AcquireFileForNtCreateSection;
    PFAST_IO_RELEASE_FILE ReleaseFileForNtCreateSection;
    PFAST_IO_DETACH_DEVICE FastIoDetachDevice;
    PFAST_IO_QUERY_NETWORK_OPEN_INFO FastIoQueryNetworkOpenInfo;
    PFAST_IO_ACQUIRE_FOR_MOD_WRITE AcquireForModWrite;
    PFAST_IO_MDL_READ MdlRead;
    PFAST_IO_MDL_READ_COMPLETE MdlReadComplete;
    PFAST_IO_PREPARE_MDL_WRITE PrepareMdlWrite;
    PFAST_IO_MDL_WRITE_COMPLETE MdlWriteComplete;
    PFAST_IO_READ_COMPRESSED FastIoReadCompressed;
    PFAST_IO_WRITE_COMPRESSED FastIoWriteCompressed;
    PFAST_IO_MDL_READ_COMPLETE_COMPRESSED MdlReadCompleteCompressed;
    PFAST_IO_MDL_WRITE_COMPLETE_COMPRESSED MdlWriteCompleteCompressed;
    PFAST_IO_QUERY_OPEN FastIoQueryOpen;
    PFAST_IO_RELEASE_FOR_MOD_WRITE ReleaseForModWrite;
    PFAST_IO_ACQUIRE_FOR_CCFLUSH AcquireForCcFlush;
    PFAST_IO_RELEASE_FOR_CCFLUSH ReleaseForCcFlush;
} FAST_IO_DISPATCH, *PFAST_IO_DISPATCH;

#endif
