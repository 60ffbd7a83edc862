/* SPDX-License-Identifier: MIT */
/*
 * The virtual PLIC (RISC-V Platform-Level Interrupt Controller Specification).
 *
 * All sources are level-triggered. A source's gateway makes its interrupt
 * pending when the line is up, and then is closed until the interrupt has been
 * claimed and completed. A line that falls in between leaves it pending, as the
 * specification says ("will be serviced by a handler, which will then have to
 * determine that the interrupt device no longer requires service"): withdrawing
 * it could lose an interrupt between a guest's trap and its claim, while keeping
 * it costs a guest one look at a device that has nothing to say.
 *
 * Everything is kept as masks of sources, one bit each, so that neither an
 * output nor a claim searches through sources.
 */
#include "vdev/vplic.h"

#include "core/assert.h"

/* The register map; one word of 32 sources is all we have of each bit array. */
enum {
	PENDING = 0x1000,
	ENABLE = 0x2000,
	ENABLE_STRIDE = 0x80,
	CONTEXT = 0x200000,
	CONTEXT_STRIDE = 0x1000,
	CONTEXT_THRESHOLD = 0,
	CONTEXT_CLAIM = 4,
};

static inline struct vplic *vplic_of(struct vdev *dev)
{
	return (struct vplic *)dev;
}

/* What context could claim now, whatever its threshold. */
static inline uint32_t claimable(const struct vplic *plic, unsigned context)
{
	return plic->pending & plic->enables[context] & plic->above[0];
}

/* Bring one context's output up to date. */
static void update_context(struct vplic *plic, unsigned context)
{
	uint32_t ready =
		plic->pending & plic->enables[context] & plic->above[plic->thresholds[context]];
	bool level = ready != 0;

	if (level == (plic->raised >> context & 1))
		return;
	plic->raised ^= (uint32_t)1 << context;
	plic->output(plic, context, level);
}

/* After a change that concerns every context. */
static void update(struct vplic *plic)
{
	for (unsigned context = 0; context < plic->contexts; context++)
		update_context(plic, context);
}

/*
 * The number of the lowest set bit; `mask` is not 0. Multiplying a de Bruijn
 * sequence by that bit brings five bits to the top that no other bit brings there.
 */
static inline unsigned lowest(uint32_t mask)
{
	static const uint8_t numbers[32] = {0,	1,  28, 2,  29, 14, 24, 3,  30, 22, 20,
					    15, 25, 17, 4,  8,	31, 27, 13, 23, 21, 19,
					    16, 7,  26, 12, 18, 6,  11, 5,  10, 9};

	return numbers[((mask & (0 - mask)) * (uint32_t)0x077cb531) >> 27];
}

/* The pending source of the highest priority, lowest number first, becomes the context's. */
static uint32_t claim(struct vplic *plic, unsigned context)
{
	uint32_t best = claimable(plic, context);
	unsigned source;

	if (!best)
		return 0;
	/* Narrow down, while there still are any of a higher priority. */
	for (unsigned p = 1; p < VPLIC_PRIORITY_MAX && (best & plic->above[p]); p++)
		best &= plic->above[p];
	source = lowest(best);
	plic->pending &= ~((uint32_t)1 << source);
	plic->claimed |= (uint32_t)1 << source;
	update(plic);
	return source;
}

/* Open the source's gateway again. From a context that hasn't enabled it: ignored. */
static void complete(struct vplic *plic, unsigned context, uint32_t source)
{
	uint32_t bit;

	if (source >= VPLIC_SOURCES)
		return;
	bit = (uint32_t)1 << source & plic->enables[context] & plic->claimed;
	if (!bit)
		return;
	plic->claimed &= ~bit;
	if (!(plic->levels & bit))
		return;
	plic->pending |= bit;
	update(plic);
}

/* Give `source` its priority, and its place in the masks of what is above which threshold. */
static void set_priority(struct vplic *plic, unsigned source, uint32_t priority)
{
	uint32_t bit = (uint32_t)1 << source;

	plic->priorities[source] = priority;
	for (unsigned threshold = 0; threshold < VPLIC_PRIORITY_MAX; threshold++) {
		if (priority > threshold)
			plic->above[threshold] |= bit;
		else
			plic->above[threshold] &= ~bit;
	}
	update(plic);
}

static uint64_t read_context(struct vplic *plic, unsigned context, unsigned reg)
{
	if (context >= plic->contexts)
		return 0;
	switch (reg) {
	case CONTEXT_CLAIM: return claim(plic, context);
	case CONTEXT_THRESHOLD: return plic->thresholds[context];
	default: return 0;
	}
}

static uint64_t vplic_read(struct vdev *dev, uint32_t offset, unsigned size)
{
	struct vplic *plic = vplic_of(dev);

	if (size != 4)
		return 0;
	if (offset >= CONTEXT)
		return read_context(plic, (offset - CONTEXT) / CONTEXT_STRIDE,
				    offset % CONTEXT_STRIDE);
	if (offset >= ENABLE) {
		uint32_t context = (offset - ENABLE) / ENABLE_STRIDE;

		return context < plic->contexts && offset % ENABLE_STRIDE == 0
			       ? plic->enables[context]
			       : 0;
	}
	if (offset == PENDING)
		return plic->pending;
	return offset < 4 * VPLIC_SOURCES ? plic->priorities[offset / 4] : 0;
}

static void write_context(struct vplic *plic, unsigned context, unsigned reg, uint32_t value)
{
	if (context >= plic->contexts)
		return;
	if (reg == CONTEXT_CLAIM) {
		complete(plic, context, value);
	} else if (reg == CONTEXT_THRESHOLD) {
		plic->thresholds[context] = value & VPLIC_PRIORITY_MAX;
		update_context(plic, context);
	}
}

static void write_enable(struct vplic *plic, uint32_t offset, uint32_t value)
{
	uint32_t context = offset / ENABLE_STRIDE;

	if (context >= plic->contexts || offset % ENABLE_STRIDE)
		return;
	plic->enables[context] = value & ~(uint32_t)1; /* source 0 isn't one */
	update_context(plic, context);
}

/* Pending bits can't be written. */
static void vplic_write(struct vdev *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct vplic *plic = vplic_of(dev);

	if (size != 4)
		return;
	if (offset >= CONTEXT)
		write_context(plic, (offset - CONTEXT) / CONTEXT_STRIDE, offset % CONTEXT_STRIDE,
			      (uint32_t)value);
	else if (offset >= ENABLE)
		write_enable(plic, offset - ENABLE, (uint32_t)value);
	else if (offset >= 4 && offset < 4 * VPLIC_SOURCES)
		set_priority(plic, offset / 4, (uint32_t)value & VPLIC_PRIORITY_MAX);
}

static const struct vdev_ops vplic_ops = {
	.name = "plic",
	.read = vplic_read,
	.write = vplic_write,
};

void vplic_init(struct vplic *plic, gpa_t base, unsigned contexts,
		void (*output)(struct vplic *plic, unsigned context, bool level))
{
	ASSERT(contexts >= 1 && contexts <= VPLIC_CONTEXTS);
	*plic = (struct vplic){
		.dev = {.ops = &vplic_ops, .base = base, .size = VPLIC_SIZE},
		.output = output,
		.contexts = contexts,
	};
}

void vplic_set(struct vplic *plic, unsigned source, bool level)
{
	uint32_t bit;

	ASSERT(source >= 1 && source < VPLIC_SOURCES);
	bit = (uint32_t)1 << source;
	if (!level) {
		plic->levels &= ~bit;
		return;
	}
	plic->levels |= bit;
	if ((plic->pending | plic->claimed) & bit)
		return;
	plic->pending |= bit;
	update(plic);
}
