/* SPDX-License-Identifier: MIT */
/*
 * What the plugin uses of QEMU 7.2: the plugin interface, version 1 ("QEMU TCG
 * Plugins" in QEMU's documentation), whose header Debian doesn't package, and
 * three functions that QEMU merely happens to export. Those are weak: without
 * them traps are counted but not told apart.
 */
#ifndef BENCH_QEMU_PLUGIN_H
#define BENCH_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLUGIN_EXPORT  __attribute__((visibility("default")))
#define PLUGIN_VERSION 1

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;

typedef struct {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	union {
		struct {
			int smp_vcpus, max_vcpus;
		} system;
	};
} qemu_info_t;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef void plugin_tb_callback(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void plugin_insn_callback(unsigned hart, void *with);
typedef void plugin_mem_callback(unsigned hart, qemu_plugin_meminfo_t info, uint64_t at,
				 void *with);
typedef void plugin_exit_callback(qemu_plugin_id_t id, void *with);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, plugin_tb_callback *callback);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    plugin_insn_callback *callback,
					    enum qemu_plugin_cb_flags flags, void *with);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						enum qemu_plugin_op op, void *to, uint64_t add);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, plugin_mem_callback *callback,
				      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
				      void *with);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, plugin_exit_callback *callback,
				    void *with);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info, uint64_t at);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *at);

/* glib's, which QEMU brings along. */
struct byte_array {
	uint8_t *data;
	unsigned length;
};
struct byte_array *g_byte_array_new(void) __attribute__((weak));
struct byte_array *g_byte_array_set_size(struct byte_array *array, unsigned length)
	__attribute__((weak));

/* QEMU's own, outside the interface. */
struct CPUState;
struct CPUState *qemu_get_cpu(int index) __attribute__((weak));
int riscv_cpu_gdb_read_register(struct CPUState *cpu, struct byte_array *out, int number)
	__attribute__((weak));
void cpu_dump_state(struct CPUState *cpu, FILE *file, int flags) __attribute__((weak));

#endif
