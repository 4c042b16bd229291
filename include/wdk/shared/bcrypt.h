/*
 * Cryptography Next Generation primitives, as drivers call them (cng.sys). OpenWFP draws random bytes; the rest
 * are named stubs. Ref: win32 SecCNG.
 */
#ifndef _BCRYPT_H_
#define _BCRYPT_H_

#include <ntdef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BCRYPT_SUCCESS(Status) (((NTSTATUS)(Status)) >= 0)

typedef PVOID BCRYPT_HANDLE, BCRYPT_ALG_HANDLE, BCRYPT_KEY_HANDLE, BCRYPT_HASH_HANDLE,
    BCRYPT_SECRET_HANDLE;

#define BCRYPT_RNG_ALGORITHM               L"RNG"
#define BCRYPT_MD5_ALGORITHM               L"MD5"
#define BCRYPT_SHA1_ALGORITHM              L"SHA1"
#define BCRYPT_SHA256_ALGORITHM            L"SHA256"
#define BCRYPT_SHA384_ALGORITHM            L"SHA384"
#define BCRYPT_SHA512_ALGORITHM            L"SHA512"
#define BCRYPT_AES_ALGORITHM               L"AES"
#define BCRYPT_RSA_ALGORITHM               L"RSA"
#define BCRYPT_ECDSA_P256_ALGORITHM        L"ECDSA_P256"
#define BCRYPT_ECDH_P256_ALGORITHM         L"ECDH_P256"
#define BCRYPT_CHACHA20_POLY1305_ALGORITHM L"CHACHA20_POLY1305"

#define BCRYPT_OBJECT_LENGTH   L"ObjectLength"
#define BCRYPT_HASH_LENGTH     L"HashDigestLength"
#define BCRYPT_BLOCK_LENGTH    L"BlockLength"
#define BCRYPT_CHAINING_MODE   L"ChainingMode"
#define BCRYPT_CHAIN_MODE_CBC  L"ChainingModeCBC"
#define BCRYPT_CHAIN_MODE_GCM  L"ChainingModeGCM"
#define BCRYPT_AUTH_TAG_LENGTH L"AuthTagLength"
#define BCRYPT_ECCPUBLIC_BLOB  L"ECCPUBLICBLOB"
#define BCRYPT_ECCPRIVATE_BLOB L"ECCPRIVATEBLOB"
#define BCRYPT_RSAPUBLIC_BLOB  L"RSAPUBLICBLOB"
#define BCRYPT_KEY_DATA_BLOB   L"KeyDataBlob"
#define MS_PRIMITIVE_PROVIDER  L"Microsoft Primitive Provider"

#define BCRYPT_PROV_DISPATCH            0x00000001
#define BCRYPT_ALG_HANDLE_HMAC_FLAG     0x00000008
#define BCRYPT_HASH_REUSABLE_FLAG       0x00000020
#define BCRYPT_BLOCK_PADDING            0x00000001
#define BCRYPT_PAD_PKCS1                0x00000002
#define BCRYPT_USE_SYSTEM_PREFERRED_RNG 0x00000002

typedef struct _BCRYPT_PKCS1_PADDING_INFO {
    LPCWSTR pszAlgId;
} BCRYPT_PKCS1_PADDING_INFO;

typedef struct _BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO {
    ULONG cbSize;
    ULONG dwInfoVersion;
    PUCHAR pbNonce;
    ULONG cbNonce;
    PUCHAR pbAuthData;
    ULONG cbAuthData;
    PUCHAR pbTag;
    ULONG cbTag;
    PUCHAR pbMacContext;
    ULONG cbMacContext;
    ULONG cbAAD;
    ULONGLONG cbData;
    ULONG dwFlags;
} BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO, *PBCRYPT_AUTHENTICATED_CIPHER_MODE_INFO;
#define BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO_VERSION 1
#define BCRYPT_INIT_AUTH_MODE_INFO(info)                                                           \
    do {                                                                                           \
        RtlZeroMemory(&(info), sizeof(info));                                                      \
        (info).cbSize = sizeof(info);                                                              \
        (info).dwInfoVersion = BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO_VERSION;                      \
    } while (0)

NTSTATUS NTAPI BCryptGenRandom(BCRYPT_ALG_HANDLE hAlgorithm, PUCHAR pbBuffer, ULONG cbBuffer,
                               ULONG dwFlags);
NTSTATUS NTAPI BCryptOpenAlgorithmProvider(BCRYPT_ALG_HANDLE *phAlgorithm, LPCWSTR pszAlgId,
                                           LPCWSTR pszImplementation, ULONG dwFlags);
NTSTATUS NTAPI BCryptCloseAlgorithmProvider(BCRYPT_ALG_HANDLE hAlgorithm, ULONG dwFlags);
NTSTATUS NTAPI BCryptGetProperty(BCRYPT_HANDLE hObject, LPCWSTR pszProperty, PUCHAR pbOutput,
                                 ULONG cbOutput, ULONG *pcbResult, ULONG dwFlags);
NTSTATUS NTAPI BCryptSetProperty(BCRYPT_HANDLE hObject, LPCWSTR pszProperty, PUCHAR pbInput,
                                 ULONG cbInput, ULONG dwFlags);
NTSTATUS NTAPI BCryptCreateHash(BCRYPT_ALG_HANDLE hAlgorithm, BCRYPT_HASH_HANDLE *phHash,
                                PUCHAR pbHashObject, ULONG cbHashObject, PUCHAR pbSecret,
                                ULONG cbSecret, ULONG dwFlags);
NTSTATUS NTAPI BCryptHashData(BCRYPT_HASH_HANDLE hHash, PUCHAR pbInput, ULONG cbInput,
                              ULONG dwFlags);
NTSTATUS NTAPI BCryptFinishHash(BCRYPT_HASH_HANDLE hHash, PUCHAR pbOutput, ULONG cbOutput,
                                ULONG dwFlags);
NTSTATUS NTAPI BCryptDuplicateHash(BCRYPT_HASH_HANDLE hHash, BCRYPT_HASH_HANDLE *phNewHash,
                                   PUCHAR pbHashObject, ULONG cbHashObject, ULONG dwFlags);
NTSTATUS NTAPI BCryptDestroyHash(BCRYPT_HASH_HANDLE hHash);
NTSTATUS NTAPI BCryptHash(BCRYPT_ALG_HANDLE hAlgorithm, PUCHAR pbSecret, ULONG cbSecret,
                          PUCHAR pbInput, ULONG cbInput, PUCHAR pbOutput, ULONG cbOutput);
NTSTATUS NTAPI BCryptGenerateSymmetricKey(BCRYPT_ALG_HANDLE hAlgorithm, BCRYPT_KEY_HANDLE *phKey,
                                          PUCHAR pbKeyObject, ULONG cbKeyObject, PUCHAR pbSecret,
                                          ULONG cbSecret, ULONG dwFlags);
NTSTATUS NTAPI BCryptImportKeyPair(BCRYPT_ALG_HANDLE hAlgorithm, BCRYPT_KEY_HANDLE hImportKey,
                                   LPCWSTR pszBlobType, BCRYPT_KEY_HANDLE *phKey, PUCHAR pbInput,
                                   ULONG cbInput, ULONG dwFlags);
NTSTATUS NTAPI BCryptVerifySignature(BCRYPT_KEY_HANDLE hKey, PVOID pPaddingInfo, PUCHAR pbHash,
                                     ULONG cbHash, PUCHAR pbSignature, ULONG cbSignature,
                                     ULONG dwFlags);
NTSTATUS NTAPI BCryptEncrypt(BCRYPT_KEY_HANDLE hKey, PUCHAR pbInput, ULONG cbInput,
                             PVOID pPaddingInfo, PUCHAR pbIV, ULONG cbIV, PUCHAR pbOutput,
                             ULONG cbOutput, ULONG *pcbResult, ULONG dwFlags);
NTSTATUS NTAPI BCryptDecrypt(BCRYPT_KEY_HANDLE hKey, PUCHAR pbInput, ULONG cbInput,
                             PVOID pPaddingInfo, PUCHAR pbIV, ULONG cbIV, PUCHAR pbOutput,
                             ULONG cbOutput, ULONG *pcbResult, ULONG dwFlags);
NTSTATUS NTAPI BCryptDestroyKey(BCRYPT_KEY_HANDLE hKey);

#ifdef __cplusplus
}
#endif

#endif
