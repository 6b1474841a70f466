// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// letGo gives back the memory in which the kernel holds this program's code.
// Vault's packages touch most of 50 MB of it when they start, and most of that
// never again; what is needed comes back from the file, or from the kernel's
// cache of it. Code is never written to, so nothing is lost.
func letGo() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		begin, end, is := codeOf(line, program)
		if !is {
			continue
		}
		if _, _, failed := syscall.Syscall(syscall.SYS_MADVISE, begin, end-begin, syscall.MADV_DONTNEED); failed != 0 {
			return fmt.Errorf("madvise: %w", failed)
		}
	}
	return nil
}

// codeOf tells where code of the program's file is, if the line of
// /proc/self/maps [proc(5)] is about that.
func codeOf(line, program string) (begin, end uintptr, is bool) {
	fields := strings.Fields(line)
	if len(fields) != 6 || fields[1] != "r-xp" || fields[5] != program {
		return 0, 0, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	first, err := strconv.ParseUint(from, 16, strconv.IntSize)
	last, wrong := strconv.ParseUint(to, 16, strconv.IntSize)
	return uintptr(first), uintptr(last), err == nil && wrong == nil && first < last
}
