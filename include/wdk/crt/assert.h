/* assert() is the kernel's ASSERT. */
#undef assert
#ifdef NDEBUG
#define assert(expression) ((void)0)
#else
#define assert(expression) ((expression) ? (void)0 : __debugbreak())
#endif
