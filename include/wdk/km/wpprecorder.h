/*
 * In-flight recorder of WPP tracing. Sources that include their .tmh get wfp-cc's stand-ins, which log; this
 * header has what is called by name.
 */
#ifndef _WPP_RECORDER_H_
#define _WPP_RECORDER_H_

#include <wdm.h>
#include <evntrace.h>

typedef PVOID RECORDER_LOG;

#endif
