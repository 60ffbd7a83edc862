/* SPDX-License-Identifier: MIT */
/*
 * A twin: one of two capsules that share a hart. Each fills every register and
 * CSR that it owns with its own tag, sleeps or spins while the other runs, and
 * looks whether all is as it was. twin-a.elf and twin-b.elf differ in their address.
 *
 * Boot arguments: tag=A or tag=B (or C: one more like B), rounds=N. vector=N: every how many of
 * them vectors are held; 0: they are left alone till the end. calls=no: nothing is set by calls of
 * the SBI, so that the two are exchanged the quick way (riscv/exchange.S).
 */
#include "kit/csr.h"
#include "kit/fp.h"
#include "kit/kit.h"
#include "kit/mmu.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/string.h"
#include "kit/trap.h"
#include "kit/vector.h"

#define SLEEP	  300 /* ticks: long enough to fall asleep, short enough for thousands */
#define SPIN_LONG 400000
#define COMMON_VA (XLEN == 64 ? 1UL << (XLEN / 2 + 4) % XLEN : 0x40000000UL)
#define COMMON_ID 5

/* Known to twin.S: x[0] and x[32 + 0] aren't registers. */
struct twin_registers {
	unsigned long x[32], after[32], stack;
};

void twin_hold(struct twin_registers *r);
void twin_reserve(int *at);
unsigned long twin_conditional(int *at, unsigned long value);

static char tag, other;
static unsigned long round_number, reservations_kept;
static bool has_fp, has_vector, has_menvcfg, has_stimecmp, makes_calls;
/* Of vectors: that they are ours by the device tree; every how many rounds they are held. */
static bool offered;
static unsigned long vector_rounds;
static struct twin_registers registers;
static unsigned long page[4096 / XLEN_BYTES] __attribute__((aligned(4096)));

/* A value that shows whose it is: the tag's letter in its upper bytes, then what it is for. */
static unsigned long tagged(char whose, unsigned long what)
{
	unsigned long letters = -1UL / 255 * (unsigned long)whose;

	return (letters & ~0xffffUL) | (what & 0xffff);
}

static void fail(const char *what, unsigned long which, unsigned long expected, unsigned long got)
{
	CSR_WRITE(satp, 0);
	print("FAIL: twin %c: %s %lu: expected 0x%lx, got 0x%lx in round %lu%s\n", tag, what, which,
	      expected, got, round_number,
	      (got ^ tagged(other, 0)) >> 16 ? "" : ": that is the other twin's");
	kit_fail();
}

static void expect(const char *what, unsigned long which, unsigned long expected, unsigned long got)
{
	if (expected != got)
		fail(what, which, expected, got);
}

/* --- every CSR that can be written -------------------------------------------------------------
 *
 * Which they are is found out once by trying, so that one nobody thought of is among them.
 */

#define CSR_MAX 256
enum { SISELECT = 0x150, SIREG = 0x151, STOPEI = 0x15c };
static struct {
	unsigned int number;
	unsigned long held, found;
} csrs[CSR_MAX];
static unsigned int csr_count;

/* Not ours to fill, because something else here uses it, or because it changes by itself. */
static bool is_special(unsigned int csr)
{
	static const unsigned int special[] = {
		0x001, 0x002, 0x003,	       /* fflags, frm, fcsr: with the FP registers */
		0x008, 0x009, 0x00a,	0x00f, /* vector: likewise */
		0x015,			       /* seed */
		0x14e, /* sctrctl: records of jumps would be written besides ours */
		0x120, /* scountinhibit: QEMU 10.0 has it though menvcfg.CDE is 0 */
		0x100, 0x104, 0x105,	0x140, 0x144,  0x14d,
		0x15d, 0x180, SISELECT, SIREG, STOPEI, /* with the interrupt file */
	};

	for (unsigned int i = 0; i < sizeof(special) / sizeof(*special); i++)
		if (special[i] == csr)
			return has_fp || csr != 0x003; /* Zfinx has fcsr alone */
	return false;
}

static uint32_t csr_code[6];

static unsigned long (*csr_function(unsigned int csr, bool write))(unsigned long, unsigned long)
{
	csr_code[0] = write ? csr << 20 | 11 << 15 | 1 << 12 | 0x73 /* csrw csr, a1 */
			    : csr << 20 | 2 << 12 | 10 << 7 | 0x73; /* csrr a0, csr */
	csr_code[1] = 0x00008067;
	__asm__ volatile("fence.i" : : : "memory");
	return (unsigned long (*)(unsigned long, unsigned long))(unsigned long)csr_code;
}

static bool csr_get(unsigned int csr, unsigned long *value)
{
	struct trap t;
	bool ok = !trap_call(&t, (void *)csr_function(csr, false), 0, 0, 0);

	*value = t.value;
	return ok;
}

static bool csr_put(unsigned int csr, unsigned long value)
{
	struct trap t;

	return !trap_call(&t, (void *)csr_function(csr, true), 0, value, 0);
}

/* Those whose state a guest is offered: they keep what it writes. */
static bool is_offered(unsigned int csr)
{
	return csr == 0x106 || csr == 0x10a; /* scounteren, senvcfg */
}

/*
 * The read-only ones ("CSR Address Mapping Conventions") aren't tried. The tag is in each byte,
 * since some have few bits.
 */
static void find_csrs(void)
{
	unsigned long was, now, others;

	for (unsigned int csr = 0; csr < 0xc00; csr++) {
		if ((csr >> 8 & 3) >= 2 || is_special(csr) || !csr_get(csr, &was))
			continue;
		if (!csr_put(csr, -1UL / 255 * (unsigned char)other) || !csr_get(csr, &others))
			continue;
		if (was == others && !is_offered(csr) && others)
			fail("CSR at the start", csr, 0, was);
		csr_put(csr, -1UL / 255 * (unsigned char)tag);
		csr_get(csr, &now);
		/* One that goes on by itself can't be compared; sepc and its like were just used.
		 */
		if (csr >= 0x141 && csr <= 0x143)
			continue;
		if (csr_count < CSR_MAX) {
			csrs[csr_count].number = csr;
			csrs[csr_count].found = was;
			csrs[csr_count++].held = now;
		}
	}
}

/*
 * What a CSR of an extension that isn't offered holds may be gone after a switch: then it is as it
 * was found, and filled again for the next round.
 */
static void check_csrs(void)
{
	unsigned long now;

	for (unsigned int i = 0; i < csr_count; i++) {
		csr_get(csrs[i].number, &now);
		if (now == csrs[i].held)
			continue;
		if (is_offered(csrs[i].number) || now != csrs[i].found)
			fail("CSR", csrs[i].number, csrs[i].held, now);
		csr_put(csrs[i].number, csrs[i].held);
	}
}

/* All that can be read, the read-only ones too: none may show the other's tag. */
static void scan_for_other(void)
{
	unsigned long value;

	for (unsigned int csr = 0; csr < 0x1000; csr++)
		if (csr_get(csr, &value) && !((value ^ tagged(other, 0)) >> 16))
			fail("CSR", csr, 0, value);
	for (unsigned int i = 0; i < 4096 / XLEN_BYTES; i++)
		expect("own page, word", i, tagged(tag, i), page[i]);
}

/* --- one round -------------------------------------------------------------------------------- */

struct supervisor {
	unsigned long sstatus, stvec, sscratch, sepc, scause, stval, satp, sie, sip;
};

/* FS as it really is, and as a guest may pretend it is: the registers have to survive all. */
static unsigned long pretended_fs(void)
{
	return round_number % 4 << 13;
}

static void fill(struct supervisor *s)
{
	s->sstatus = (CSR_READ(sstatus) & ~(0x120UL | SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS)) |
		     (tag == 'A' ? 0x100 | SSTATUS_SUM : 0x20 | SSTATUS_MXR);
	if (has_fp)
		s->sstatus |= pretended_fs();
	s->stvec = tagged(tag, 0x4000 + (round_number & 0xff) * 16) | (round_number & 1);
	s->sscratch = tagged(tag, round_number);
	s->sepc = tagged(tag, round_number << 2);
	s->scause = tagged(tag, 3);
	s->stval = tagged(tag, 4);
	s->satp = CSR_READ(satp);
	s->sie = tag == 'A' ? SIP_STIP : SIP_STIP | SIP_SEIP;
	s->sip = tag == 'A' ? SIP_SSIP : 0;
}

static void write_supervisor(const struct supervisor *s)
{
	CSR_WRITE(sscratch, s->sscratch);
	CSR_WRITE(sepc, s->sepc);
	CSR_WRITE(scause, s->scause);
	CSR_WRITE(stval, s->stval);
	CSR_WRITE(stvec, s->stvec);
	CSR_WRITE(sie, s->sie);
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_SET(sip, s->sip);
	CSR_WRITE(sstatus, s->sstatus);
}

static void read_supervisor(struct supervisor *s)
{
	s->sstatus = CSR_READ(sstatus);
	s->stvec = CSR_READ(stvec);
	s->sscratch = CSR_READ(sscratch);
	s->sepc = CSR_READ(sepc);
	s->scause = CSR_READ(scause);
	s->stval = CSR_READ(stval);
	s->satp = CSR_READ(satp);
	s->sie = CSR_READ(sie);
	s->sip = CSR_READ(sip) & SIP_SSIP;
}

static void compare_supervisor(const struct supervisor *before, const struct supervisor *after)
{
	static const char *const names[] = {"sstatus", "stvec", "sscratch", "sepc", "scause",
					    "stval",   "satp",	"sie",	    "sip"};
	const unsigned long *b = (const unsigned long *)before;
	const unsigned long *a = (const unsigned long *)after;

	for (unsigned int i = 0; i < sizeof(*before) / sizeof(*b); i++)
		if (a[i] != b[i])
			fail(names[i], i, b[i], a[i]);
}

/* Everything is ours from the first write till the last read: no trap can be taken between. */
static void hold(unsigned long spin)
{
	struct supervisor before, set, after;
	unsigned long stvec = CSR_READ(stvec), sscratch = CSR_READ(sscratch);
	unsigned long sstatus = CSR_READ(sstatus);
	uint64_t due;

	fill(&before);
	registers.x[0] = spin;
	for (unsigned int i = 1; i < 32; i++)
		registers.x[i] = tagged(tag, round_number ^ i << 8);
	due = csr_time() + SLEEP;
	sbi_set_timer(due);
	write_supervisor(&before);
	read_supervisor(&set); /* what these registers can hold is the hart's matter */
	twin_hold(&registers);
	read_supervisor(&after);
	CSR_WRITE(sstatus, sstatus);
	CSR_WRITE(sscratch, sscratch);
	CSR_WRITE(stvec, stvec);
	compare_supervisor(&set, &after);
	for (unsigned int i = 1; i < 31; i++)
		if (i != 4)
			expect("register x", i, registers.x[i], registers.after[i]);
	if (has_stimecmp)
		expect("stimecmp", 0, (unsigned long)due, (unsigned long)csr_read_stimecmp());
	expect("the page at the common address", 0, tagged(tag, 0),
	       *(volatile unsigned long *)COMMON_VA);
}

static void hold_fp(unsigned long spin)
{
	uint64_t f[FP_WORDS], now[FP_WORDS];

	for (unsigned int i = 0; i < FP_COUNT; i++)
		f[i] = (uint64_t)tagged(tag, i) << 32 | (uint32_t)tagged(tag, round_number + i);
	f[FP_COUNT] = tag == 'A' ? 0x35 : 0x4a;
	CSR_SET(sstatus, SSTATUS_FS);
	fp_load(f);
	hold(spin);
	CSR_SET(sstatus, SSTATUS_FS);
	fp_store(now);
	for (unsigned int i = 0; i <= FP_COUNT; i++)
		expect("register f", i, (unsigned long)(f[i] >> 32 ^ f[i]),
		       (unsigned long)(now[i] >> 32 ^ now[i]));
}

/*
 * While they are held VS is as the guest pretends: off, initial, clean or dirty. A guest that was
 * given no vector unit may find one nevertheless. What it holds there is the same.
 */
static void hold_vector(unsigned long spin)
{
	static struct vector_state set, now;
	unsigned long where = 0;

	CSR_SET(sstatus, SSTATUS_VS);
	vector_fill(&set, (unsigned long)tag, round_number);
	vector_load(&set);
	CSR_CLEAR(sstatus, SSTATUS_VS);
	CSR_SET(sstatus, round_number / 2 % 4 << 9);
	hold(spin);
	CSR_SET(sstatus, SSTATUS_VS);
	vector_store(&now);
	if (vector_differ(&set, &now, &where))
		fail("vector registers or CSRs, byte", where, set.v[where], now.v[where]);
	CSR_CLEAR(sstatus, SSTATUS_VS);
}

/* One that has never held any finds them as they were given to it. */
static void check_untouched(void)
{
	static struct vector_state now, none = {.vtype = VECTOR_VILL};
	unsigned long where = 0;

	CSR_SET(sstatus, SSTATUS_VS);
	vector_store(&now);
	if (vector_differ(&none, &now, &where))
		fail("vector registers or CSRs that were never touched, byte", where, none.v[where],
		     now.v[where]);
}

static void find_vector(void)
{
	unsigned long length;

	vector_rounds = kit_argument_number("vector", 3);
	offered = vector_offered();
	if (offered && !vector_rounds)
		return;
	CSR_SET(sstatus, SSTATUS_VS);
	has_vector = csr_get(0xc22, &length) && length <= VECTOR_LENGTH_MAX;
	CSR_CLEAR(sstatus, SSTATUS_VS);
	if (offered != has_vector)
		fail("vectors, which the tree has", 0, offered, has_vector);
}

/* A reservation either survives or it doesn't; what is in memory agrees with what SC says. */
static void hold_reservation(void)
{
	static int word;
	unsigned long failed;

	word = 1;
	CSR_WRITE(sie, SIP_STIP);
	sbi_set_timer(csr_time() + SLEEP);
	twin_reserve(&word);
	failed = twin_conditional(&word, 2);
	expect("word after a store-conditional", failed, failed ? 1 : 2, (unsigned long)word);
	reservations_kept += !failed;
}

/* --- behind siselect ---------------------------------------------------------------------------
 *
 * A hart may show a guest that was given no AIA its priorities of interrupts, and an IMSIC's
 * interrupt file; and its records of jumps to one that was given no Ssctr. What it sets there may
 * be gone after a switch, but is never somebody else's.
 */

enum { IPRIO = 0x30, EIDELIVERY = 0x70, EITHRESHOLD = 0x72, SELECT_END = 0x210 };

static unsigned long indirect[SELECT_END]; /* what the register took */
static bool is_indirect[SELECT_END];	   /* there is one */
static unsigned int indirect_count;
static bool has_siselect;

static bool indirect_get(unsigned long select, unsigned long *value)
{
	return csr_put(SISELECT, select) && csr_get(SIREG, value);
}

static void fill_file(bool with_nothing)
{
	unsigned long value;

	for (unsigned long select = IPRIO; has_siselect && select < SELECT_END; select++) {
		value = select == EIDELIVERY	? tag == 'A'
			: select == EITHRESHOLD ? tag
						: tagged(tag, 0);
		if (!is_indirect[select])
			continue;
		if (csr_put(SISELECT, select) && csr_put(SIREG, with_nothing ? 0 : value) &&
		    csr_get(SIREG, &value) && !with_nothing)
			indirect[select] = value;
	}
	if (has_siselect)
		csr_put(SISELECT, with_nothing ? 0 : tag);
}

/* Ours, or nothing. */
static void check_file(void)
{
	unsigned long value;

	if (!has_siselect)
		return;
	csr_get(SISELECT, &value);
	if (value != (unsigned long)tag)
		expect("siselect", SISELECT, 0, value);
	for (unsigned long select = IPRIO; select < SELECT_END; select++)
		if (is_indirect[select] && indirect_get(select, &value) &&
		    value != indirect[select])
			expect("register behind siselect", select, 0, value);
	if (tag != 'A')
		expect("SEIP", 9, 0, CSR_READ(sip) & SIP_SEIP);
}

static void hold_file(void)
{
	uint64_t due = csr_time() + SLEEP;

	CSR_WRITE(sie, SIP_STIP);
	fill_file(false);
	sbi_set_timer(due);
	while (csr_time() < due)
		__asm__ volatile("wfi");
	check_file();
	fill_file(true);
}

static void find_file(void)
{
	unsigned long unused;

	has_siselect = csr_get(SISELECT, &unused);
	if (has_siselect)
		expect("siselect at the start", SISELECT, 0, unused);
	for (unsigned long select = IPRIO; has_siselect && select < SELECT_END; select++)
		is_indirect[select] = indirect_get(select, &unused);
	fill_file(false);
	for (unsigned long select = IPRIO; select < SELECT_END; select++)
		indirect_count += indirect[select] != 0;
	fill_file(true);
}

/* --- what is set by calls ----------------------------------------------------------------------
 *
 * Twin A has stopped its counters, and gets misaligned accesses itself. Twin B has set nothing: its
 * counters run and never go back, and its misaligned accesses are the hypervisor's, which counts
 * them.
 */

#define FW_MISALIGNED_LOAD 0xf0000
#define FIRST_OF_FIRMWARE  3

/* A tenth of a second at 10 MHz: no counter of 32 bits gets half way round in that. */
#define COMPARABLE_TICKS 1000000

static unsigned long counts[2], compared, traps, trap_counter;
static uint64_t counted_at; /* no later than `counts` were read */

static unsigned long pmu(unsigned long fid, unsigned long a0, unsigned long a1, unsigned long a2,
			 unsigned long a3)
{
	struct sbiret r = sbi_call(SBI_PMU, fid, a0, a1, a2, a3, 0, 0);

	expect("call of the PMU", fid, 0, (unsigned long)r.error);
	return r.value;
}

static void note_counts(const unsigned long now[2], uint64_t at)
{
	counts[0] = now[0];
	counts[1] = now[1];
	counted_at = at;
}

/*
 * B's counters have gone on since. On RV32 their low words are compared, as differences modulo
 * 2^32, unless a machine that does other things as well has let so much time go by that they may
 * have gone round. (Of a counter that was written, QEMU 7.2 doesn't carry from the low word to the
 * high one, so that 64 bits can't be compared there.)
 */
static void check_counts_go_on(const unsigned long now[2])
{
	/* Both looks lie between the two readings of the time. */
	if (XLEN == 32 && csr_time() - counted_at > COMPARABLE_TICKS)
		return;
	compared++;
	for (unsigned int i = 0; i < 2; i++)
		if ((long)(now[i] - counts[i]) < 0)
			fail("counter that went back", i, counts[i], now[i]);
}

static void set_by_calls(void)
{
	uint64_t before = csr_time();

	trap_counter = pmu(SBI_PMU_CONFIG, FIRST_OF_FIRMWARE, 1, 6, FW_MISALIGNED_LOAD);
	if (tag == 'A') {
		pmu(SBI_PMU_STOP, 0, 5, 0, 0);
		sbi_call(SBI_FWFT, SBI_FWFT_SET, 0, 1, 0, 0, 0, 0);
	}
	note_counts((unsigned long[2]){CSR_READ(cycle), CSR_READ(instret)}, before);
}

static unsigned long misaligned(unsigned long at)
{
	unsigned long value;

	__asm__ volatile("lr.w %0, (%1)" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static void check_calls(void)
{
	uint64_t before = csr_time();
	unsigned long now[2] = {CSR_READ(cycle), CSR_READ(instret)};
	struct trap t;

	for (unsigned int i = 0; tag == 'A' && i < 2; i++)
		expect("stopped counter", i, counts[i], now[i]);
	if (tag != 'A')
		check_counts_go_on(now);
	note_counts(now, before);
	trap_call(&t, misaligned, (unsigned long)page + 2, 0, 0);
	expect("cause of a misaligned LR", 0, CAUSE_LOAD_MISALIGNED, t.taken ? t.frame.cause : 0);
	traps += tag != 'A';
	expect("traps of a misaligned LR", 0, traps, pmu(SBI_PMU_READ, trap_counter, 0, 0, 0));
}

static void set_up(void)
{
	unsigned long unused;
	char text[2] = "A";

	kit_argument("tag", text, sizeof(text));
	tag = text[0];
	other = tag == 'A' ? 'B' : 'A';
	CSR_SET(sstatus, SSTATUS_FS);
	has_fp = CSR_READ(sstatus) & SSTATUS_FS;
	find_vector();
	has_menvcfg = csr_get(0x10a, &unused);
	has_stimecmp = csr_get(0x14d, &unused);
	for (unsigned int i = 0; i < 4096 / XLEN_BYTES; i++)
		page[i] = tagged(tag, i);
	find_csrs();
	find_file();
	makes_calls = !kit_argument("calls", text, sizeof(text)) || text[0] != 'n';
	if (makes_calls)
		set_by_calls();
}

/* Both twins use one address and one ASID for pages of their own. */
static bool translate(void)
{
	static struct mmu m;

	if (!mmu_init(&m, &mmu_modes[0]))
		return false;
	mmu_map(&m, COMMON_VA, (unsigned long)page, 0, PTE_RW);
	mmu_on(&m, COMMON_ID);
	return true;
}

void main(void)
{
	unsigned long rounds = kit_argument_number("rounds", 3000);

	set_up();
	if (!translate())
		fail("page tables, mode", mmu_modes[0].satp_mode, 1, 0);
	print("# twin %c: %lu rounds, fp %d, vector %d, %u other CSRs, siselect %d, %u behind it\n",
	      tag, rounds, has_fp, has_vector, csr_count, has_siselect, indirect_count);
	for (round_number = 1; round_number <= rounds; round_number++) {
		/* Mostly asleep at once; each so often spinning for some turns. */
		unsigned long spin = round_number % 64 ? round_number % 1024 : SPIN_LONG;

		if (has_vector && round_number % vector_rounds == 0)
			hold_vector(spin);
		else if (has_fp)
			hold_fp(spin);
		else
			hold(spin);
		check_csrs();
		if (makes_calls)
			check_calls();
		if (round_number % 16 == 0)
			hold_reservation();
		if (round_number % 32 == 0)
			hold_file();
		if (round_number % 256 == 0)
			scan_for_other();
		if (round_number % 1000 == 0)
			print("# twin %c: %lu rounds\n", tag, round_number);
	}
	if (makes_calls && tag != 'A' && !compared)
		fail("times that its counters were compared", 0, rounds, compared);
	if (offered && !vector_rounds)
		check_untouched();
	CSR_WRITE(satp, 0);
	print("PASS: twin %c: %lu rounds, nothing changed, %lu reservations kept\n", tag, rounds,
	      reservations_kept);
}
