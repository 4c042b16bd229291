/* Warnings of the Windows compiler's code analysis that drivers turn off; there is none here. */
#ifndef _SUPPRESS_
#define _SUPPRESS_

#endif
