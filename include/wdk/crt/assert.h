/* assert() is the kernel's ASSERT. */
#undef assert
#ifdef NDEBUG
#define assert(expression) ((void)0)
#else
#define assert(expression) ((expression) ? (void)0 : __debugbreak())
#endif
/* As MSVC's; the macro that clang makes up here, seeing `assert`, does not paste. */
#ifndef __cplusplus
#undef static_assert
#define static_assert _Static_assert
#endif
