// The module is its header; SwiftPM wants one translation unit, and this one proves that the header is valid C.
#include "swiftvis.h"
