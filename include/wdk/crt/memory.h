/* Memory functions: see string.h. */
#include <string.h>
