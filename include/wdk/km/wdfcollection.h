/* Framework collections. */
#ifndef _WDFCOLLECTION_H_
#define _WDFCOLLECTION_H_

#include "wdfobject.h"

EXTERN_C_START

WDF_FUNCTION(NTSTATUS, WdfCollectionCreate, WDFCOLLECTIONCREATE,
             (PWDF_OBJECT_ATTRIBUTES CollectionAttributes, WDFCOLLECTION *Collection),
             (CollectionAttributes, Collection));
WDF_FUNCTION(ULONG, WdfCollectionGetCount, WDFCOLLECTIONGETCOUNT, (WDFCOLLECTION Collection),
             (Collection));
WDF_FUNCTION(NTSTATUS, WdfCollectionAdd, WDFCOLLECTIONADD,
             (WDFCOLLECTION Collection, WDFOBJECT Object), (Collection, Object));
WDF_FUNCTION(VOID, WdfCollectionRemove, WDFCOLLECTIONREMOVE,
             (WDFCOLLECTION Collection, WDFOBJECT Item), (Collection, Item));
WDF_FUNCTION(VOID, WdfCollectionRemoveItem, WDFCOLLECTIONREMOVEITEM,
             (WDFCOLLECTION Collection, ULONG Index), (Collection, Index));
WDF_FUNCTION(WDFOBJECT, WdfCollectionGetItem, WDFCOLLECTIONGETITEM,
             (WDFCOLLECTION Collection, ULONG Index), (Collection, Index));
WDF_FUNCTION(WDFOBJECT, WdfCollectionGetFirstItem, WDFCOLLECTIONGETFIRSTITEM,
             (WDFCOLLECTION Collection), (Collection));
WDF_FUNCTION(WDFOBJECT, WdfCollectionGetLastItem, WDFCOLLECTIONGETLASTITEM,
             (WDFCOLLECTION Collection), (Collection));

EXTERN_C_END

#endif
