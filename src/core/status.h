/* SPDX-License-Identifier: MIT */
/*
 * How functions report failure, and the sentence that goes with it.
 *
 * There are three reactions to trouble and no fourth: return a status (our
 * caller can act), stop the capsule (the guest broke its contract), or
 * ASSERT (we are broken). What a guest, a manifest or a device tree controls
 * never reaches the third.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

enum status {
	OK = 0,
	ERR_NOMEM,   /* no memory left for it */
	ERR_RANGE,   /* address or length outside the object */
	ERR_OVERLAP, /* region intersects one that is already owned */
	ERR_LIMIT,   /* fixed hardware or compile-time limit reached */
	ERR_FORMAT,  /* manifest, image or device tree malformed */
	ERR_MISSING, /* something that is needed was not found */
};

#define MUST_USE __attribute__((warn_unused_result))

/*
 * The sentence for a person that explains a refusal: what was wrong, where,
 * which value, and what would be accepted. Filled by the function that
 * refuses, printed by whoever decides that it is final. Cut off when too long.
 */
struct reason {
	char text[240];
};

/* Write `why`'s sentence (printf format of lib/print.h) and pass `status` through. */
enum status refuse(struct reason *why, enum status status, const char *format, ...) MUST_USE
	__attribute__((format(printf, 3, 4)));

#endif
