/* SPDX-License-Identifier: MIT */
/*
 * What BearSSL's <string.h> is in the freestanding build: memcpy and memset are all it uses
 * of it.
 */
#include "lib/string.h"
