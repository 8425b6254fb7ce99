#if __has_include(<png.h>)
#include <png.h>
#else
#error "libpng's header is missing (Debian, Ubuntu: apt install libpng-dev; Fedora: dnf install libpng-devel)"
#endif
