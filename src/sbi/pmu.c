/* SPDX-License-Identifier: MIT */
/*
 * "Performance Monitoring Unit Extension (EID #0x504D55 "PMU")".
 *
 * Counters are numbered as systems expect it who know which CSR they want: 0 is the `cycle`
 * CSR, 2 `instret`, 1 would be `time` and doesn't exist; firmware counters follow. The first
 * two count one event each, as hardware has it, and run when the vCPU starts, since the
 * CSRs do. There is no snapshot memory, and no overflow interrupt (Sscofpmf isn't offered).
 */
#include "sbi/pmu.h"

#include "core/arch.h"
#include "sbi/sbi.h"

enum {
	NUM_COUNTERS = 0,
	GET_INFO = 1,
	CONFIG_MATCHING = 2,
	START = 3,
	STOP = 4,
	FW_READ = 5,
	FW_READ_HI = 6,
	SNAPSHOT_SET_SHMEM = 7,
	EVENT_GET_INFO = 8,
};

enum {
	COUNTER_CYCLE = 0,
	COUNTER_INSTRET = 2,
	COUNTER_FIRMWARE = 3, /* the first */
	COUNTERS = COUNTER_FIRMWARE + VCPU_EVENT_COUNTERS,
};

#define BIT(n)		  ((uint32_t)1 << (n))
#define FIRMWARE_COUNTERS (BIT(COUNTERS) - BIT(COUNTER_FIRMWARE))

_Static_assert((int)COUNTERS <= (int)XLEN, "one mask reaches all counters");
_Static_assert(PMU_EVENTS <= 32, "an event is a bit of vcpu_pmu.watched");

enum { CONFIG_SKIP_MATCH = 1, CONFIG_CLEAR_VALUE = 2, CONFIG_AUTO_START = 4, CONFIG_ALL = 0xff };
enum { START_SET_INIT_VALUE = 1, START_INIT_SNAPSHOT = 2, START_ALL = 3 };
enum { STOP_RESET = 1, STOP_TAKE_SNAPSHOT = 2, STOP_ALL = 3 };

/* --- counting --------------------------------------------------------------------- */

/* Another hart may count the same: on RV32 the carry comes a moment late. */
static void increment(struct event_count *count)
{
	const unsigned last = ARRAY_LENGTH(count->words) - 1;

	if (__atomic_add_fetch(&count->words[0], 1, __ATOMIC_RELAXED) == 0 && last)
		__atomic_add_fetch(&count->words[last], 1, __ATOMIC_RELAXED);
}

static void set_count(struct event_count *count, uint64_t value)
{
	__atomic_store_n(&count->words[0], (xlen_t)value, __ATOMIC_RELAXED);
	__atomic_store_n(&count->words[64 / XLEN - 1], value >> (64 - XLEN), __ATOMIC_RELAXED);
}

/* The counters that are on the hart this runs on, by number. */
static uint32_t hardware_counters(void)
{
	unsigned has = arch_counters();

	return (has >> ARCH_COUNTER_CYCLE & 1) << COUNTER_CYCLE | (has >> ARCH_COUNTER_INSTRET & 1)
									  << COUNTER_INSTRET;
}

static uint32_t all_counters(void)
{
	return hardware_counters() | FIRMWARE_COUNTERS;
}

static uint32_t running_counters(const struct vcpu_pmu *pmu)
{
	return (hardware_counters() ^ pmu->toggled) & all_counters();
}

void pmu_count(struct vcpu *vcpu, enum pmu_event event)
{
	struct vcpu_pmu *pmu = &vcpu->sbi.pmu;
	/* Those of hardware, whatever they are, aren't looked at: this may be another hart. */
	uint32_t running = __atomic_load_n(&pmu->toggled, __ATOMIC_RELAXED) >> COUNTER_FIRMWARE;

	for (unsigned i = 0; running; i++, running >>= 1)
		if ((running & 1) && pmu->events[i] == event + 1)
			increment(&pmu->counts[i]);
}

/* Which counters run, or what they count, has changed. */
static void watch(struct vcpu *vcpu)
{
	struct vcpu_pmu *pmu = &vcpu->sbi.pmu;
	uint32_t running = pmu->toggled >> COUNTER_FIRMWARE;
	uint32_t watched = 0;

	for (unsigned i = 0; running; i++, running >>= 1)
		if (running & 1)
			watched |= BIT(pmu->events[i] - 1);
	if (!(pmu->watched & PMU_NOTED_BY_VECTOR) != !(watched & PMU_NOTED_BY_VECTOR))
		arch_vcpu_note_traps(vcpu, watched & PMU_NOTED_BY_VECTOR);
	__atomic_store_n(&pmu->watched, watched, __ATOMIC_RELAXED);
}

static enum arch_counter hardware_of(unsigned counter)
{
	return counter == COUNTER_CYCLE ? ARCH_COUNTER_CYCLE : ARCH_COUNTER_INSTRET;
}

/* Let it run, or not; it does the other now. watch() has to follow. */
static void toggle(struct vcpu *vcpu, unsigned counter, bool run)
{
	if (counter < COUNTER_FIRMWARE)
		arch_counter_run(vcpu, hardware_of(counter), run);
	vcpu->sbi.pmu.toggled ^= BIT(counter);
}

static void set_value(struct vcpu *vcpu, unsigned counter, uint64_t value)
{
	if (counter < COUNTER_FIRMWARE)
		arch_counter_set(vcpu, hardware_of(counter), value);
	else
		set_count(&vcpu->sbi.pmu.counts[counter - COUNTER_FIRMWARE], value);
}

/* --- sets of counters, and what they can count --------------------------------------- */

/* The set (base, mask); false when a counter in it doesn't exist. */
static bool read_set(xlen_t base, xlen_t mask, uint32_t *set)
{
	uint32_t all = all_counters();

	*set = 0;
	if (!mask)
		return true;
	if (base >= COUNTERS || mask > all >> base)
		return false;
	*set = (uint32_t)mask << base;
	return !(*set & ~all);
}

/* The counters that can count an event; none for what isn't supported, or isn't an event. */
static uint32_t able(xlen_t event, uint64_t data)
{
	enum { TYPE_HARDWARE = 0, TYPE_FIRMWARE = 15 };
	enum { HW_CPU_CYCLES = 1, HW_INSTRUCTIONS = 2 };
	xlen_t type = event >> 16;
	unsigned code = event & 0xffff;

	if (data) /* means something only to events that aren't supported */
		return 0;
	if (type == TYPE_FIRMWARE && code < PMU_EVENTS)
		return FIRMWARE_COUNTERS;
	if (type == TYPE_HARDWARE && code == HW_CPU_CYCLES)
		return hardware_counters() & BIT(COUNTER_CYCLE);
	if (type == TYPE_HARDWARE && code == HW_INSTRUCTIONS)
		return hardware_counters() & BIT(COUNTER_INSTRET);
	return 0;
}

/* Firmware counters that were given an event. */
static uint32_t configured(const struct vcpu_pmu *pmu)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < VCPU_EVENT_COUNTERS; i++)
		if (pmu->events[i])
			set |= BIT(COUNTER_FIRMWARE + i);
	return set;
}

/* --- the calls -------------------------------------------------------------------- */

static struct sbi_ret get_info(xlen_t counter)
{
	enum { CSR_CYCLE = 0xc00, WIDTH_AT = 12 };
	const xlen_t firmware = (xlen_t)1 << (XLEN - 1);
	const xlen_t width = (xlen_t)(64 - 1) << WIDTH_AT; /* firmware's, too: Linux looks at it */

	if (counter >= COUNTERS || !(all_counters() & BIT(counter)))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	return sbi_return(SBI_SUCCESS, counter < COUNTER_FIRMWARE ? width | (CSR_CYCLE + counter)
								  : width | firmware);
}

/*
 * A counter that doesn't run. One that another event was given to is taken only when there is no
 * other, for callers that configure all before they start the first.
 */
static struct sbi_ret config_matching(xlen_t base, xlen_t mask, xlen_t flags, xlen_t event,
				      uint64_t data)
{
	struct vcpu *vcpu = vcpu_this();
	struct vcpu_pmu *pmu = &vcpu->sbi.pmu;
	uint32_t set, spare;
	unsigned counter;

	if (flags & ~(xlen_t)CONFIG_ALL || !read_set(base, mask, &set))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (flags & CONFIG_SKIP_MATCH)
		set &= -set; /* "unconditionally select the first" */
	set &= able(event, data) & ~running_counters(pmu);
	if (!set)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	spare = set & ~configured(pmu);
	if (spare)
		set = spare;
	for (counter = 0; !(set & 1); set >>= 1)
		counter++;
	if (counter >= COUNTER_FIRMWARE)
		pmu->events[counter - COUNTER_FIRMWARE] = (event & 0xffff) + 1;
	if (flags & CONFIG_CLEAR_VALUE)
		set_value(vcpu, counter, 0);
	if (flags & CONFIG_AUTO_START)
		toggle(vcpu, counter, true);
	watch(vcpu);
	return sbi_return(SBI_SUCCESS, counter);
}

/* All that can be started are, also when the answer is that some were. */
static long start(xlen_t base, xlen_t mask, xlen_t flags, uint64_t value)
{
	struct vcpu *vcpu = vcpu_this();
	struct vcpu_pmu *pmu = &vcpu->sbi.pmu;
	uint32_t running = running_counters(pmu);
	uint32_t set;

	if (flags & ~(xlen_t)START_ALL || !read_set(base, mask, &set) ||
	    set & FIRMWARE_COUNTERS & ~configured(pmu))
		return SBI_ERR_INVALID_PARAM;
	if (flags & START_INIT_SNAPSHOT)
		return SBI_ERR_NO_SHMEM;
	for (unsigned counter = 0; counter < COUNTERS; counter++) {
		if (!(set & ~running & BIT(counter)))
			continue;
		if (flags & START_SET_INIT_VALUE)
			set_value(vcpu, counter, value);
		toggle(vcpu, counter, true);
	}
	watch(vcpu);
	return set & running ? SBI_ERR_ALREADY_STARTED : SBI_SUCCESS;
}

/* Likewise: Linux stops whatever runs at boot, by one call for all. */
static long stop(xlen_t base, xlen_t mask, xlen_t flags)
{
	struct vcpu *vcpu = vcpu_this();
	struct vcpu_pmu *pmu = &vcpu->sbi.pmu;
	uint32_t running = running_counters(pmu);
	uint32_t set;

	if (flags & ~(xlen_t)STOP_ALL || !read_set(base, mask, &set))
		return SBI_ERR_INVALID_PARAM;
	if (flags & STOP_TAKE_SNAPSHOT)
		return SBI_ERR_NO_SHMEM;
	for (unsigned counter = 0; counter < COUNTERS; counter++) {
		if (set & running & BIT(counter))
			toggle(vcpu, counter, false);
		if (set & BIT(counter) && flags & STOP_RESET && counter >= COUNTER_FIRMWARE)
			pmu->events[counter - COUNTER_FIRMWARE] = 0;
	}
	watch(vcpu);
	return set & ~running ? SBI_ERR_ALREADY_STOPPED : SBI_SUCCESS;
}

/* `word` 0 is the value's low register, 1 its high one, which RV64 doesn't have. */
static struct sbi_ret read(xlen_t counter, unsigned word)
{
	const struct vcpu_pmu *pmu = &vcpu_this()->sbi.pmu;
	const struct event_count *count;

	if (counter < COUNTER_FIRMWARE || counter >= COUNTERS)
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	count = &pmu->counts[counter - COUNTER_FIRMWARE];
	if (word >= ARRAY_LENGTH(count->words))
		return sbi_return(SBI_SUCCESS, 0);
	return sbi_return(SBI_SUCCESS, __atomic_load_n(&count->words[word], __ATOMIC_RELAXED));
}

/* "Event info entry format". */
struct event_info {
	uint32_t event;
	uint32_t output; /* bit 0: supported */
	uint32_t data[2];
};

/* The guest may change an entry meanwhile: each word of it is read once, and what is read counts.
 */
static bool tell_event(struct event_info *info)
{
	enum { TYPE_RAW = 2, TYPE_RAW_V2 = 3, TYPE_FIRMWARE = 15 };
	uint32_t event = __atomic_load_n(&info->event, __ATOMIC_RELAXED);
	unsigned type = event >> 16;
	uint64_t data = 0;

	if (event >> 20)
		return false;
	if (type == TYPE_RAW || type == TYPE_RAW_V2 || type == TYPE_FIRMWARE)
		data = (uint64_t)__atomic_load_n(&info->data[1], __ATOMIC_RELAXED) << 32 |
		       __atomic_load_n(&info->data[0], __ATOMIC_RELAXED);
	__atomic_store_n(&info->output, able(event, data) != 0, __ATOMIC_RELAXED);
	return true;
}

static long event_get_info(xlen_t low, xlen_t high, xlen_t count, xlen_t flags)
{
	/* So that one call stays short; Linux has 52. */
	enum { ENTRIES_MAX = 256, SIZE = sizeof(struct event_info) };
	const struct capsule *capsule = vcpu_this()->capsule;
	const unsigned allow = ALLOW_READ | ALLOW_WRITE;
	uint8_t *memory;
	xlen_t here;

	if (flags || low % SIZE || count > ENTRIES_MAX)
		return SBI_ERR_INVALID_PARAM;
	if (!sbi_memory_part(capsule, low, high, count * SIZE, allow, &memory, &here))
		return SBI_ERR_INVALID_ADDRESS;
	for (xlen_t done = 0; done < count * SIZE; done += SIZE) {
		/* No entry is in two pieces of memory: they are aligned. */
		if (!sbi_memory(capsule, low + done, high, SIZE, allow, &memory) ||
		    !tell_event((struct event_info *)(void *)memory))
			return SBI_ERR_INVALID_PARAM;
	}
	return SBI_SUCCESS;
}

SBI_HANDLER(sbi_pmu)
{
	switch (fid) {
	case NUM_COUNTERS: return sbi_return(SBI_SUCCESS, COUNTERS);
	case GET_INFO: return get_info(a0);
	case CONFIG_MATCHING: return config_matching(a0, a1, a2, a3, sbi_wide(a4, a5));
	case START: return sbi_return(start(a0, a1, a2, sbi_wide(a3, a4)), 0);
	case STOP: return sbi_return(stop(a0, a1, a2), 0);
	case FW_READ: return read(a0, 0);
	case FW_READ_HI: return read(a0, 1);
	case EVENT_GET_INFO: return sbi_return(event_get_info(a0, a1, a2, a3), 0);
	case SNAPSHOT_SET_SHMEM: /* optional, and absent */
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
