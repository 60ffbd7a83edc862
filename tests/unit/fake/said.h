/* SPDX-License-Identifier: MIT */
/* What fake/said.c offers to the other fakes. */
#ifndef FAKE_SAID_H
#define FAKE_SAID_H

/* Note a format that something is printed with. Nothing without UNIT_SAID in the environment. */
void fake_said(const char *format);

#endif
