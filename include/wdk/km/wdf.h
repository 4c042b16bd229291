/* The kernel-mode driver framework, all of it that is here. */
#ifndef _WDF_H_
#define _WDF_H_

#include "wdftypes.h"
#include "wdfobject.h"
#include "wdfsync.h"
#include "wdfdriver.h"
#include "wdffileobject.h"
#include "wdfmemory.h"
#include "wdfdevice.h"
#include "wdfcontrol.h"
#include "wdfio.h"
#include "wdfrequest.h"
#include "wdfcollection.h"
#include "wdfstring.h"
#include "wdfregistry.h"
#include "wdfdpc.h"
#include "wdftimer.h"
#include "wdfworkitem.h"
#include "wdfpdo.h"
#include "wdffdo.h"
#include "wdfiotarget.h"
#include <wdmsec.h>

#endif
