/* SPDX-License-Identifier: MIT */
/* Finding host RAM for a capsule and fencing it, when the capsule is made. */
#ifndef CORE_CAPSULE_RAM_H
#define CORE_CAPSULE_RAM_H

#include "core/capsule.h"

/*
 * Take the RAM that `wish` asks for from `map`, tell the capsule's back end, and set `ram` and
 * `ram_size` of the capsule. In one piece, or in several where the back end translates. On refusal,
 * which names the numbers, some of it may be taken and mapped: see capsule_ram_drop(). Boot hart.
 */
enum status capsule_ram_take(struct capsule *capsule, const struct manifest_capsule *wish,
			     struct ram_map *map, struct reason *why) MUST_USE;

/* Undo it, all or what there is of it. No vCPU has run. Boot hart. */
void capsule_ram_drop(struct capsule *capsule, struct ram_map *map);

#endif
