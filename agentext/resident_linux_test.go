// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// residentCode is how much of this program's code is in memory, in kB. Before
// that, with advice, the kernel is given it about all code.
func residentCode(t *testing.T, advice uintptr) (total int) {
	t.Helper()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		name, value, _ := strings.Cut(line, " ")
		switch {
		case strings.Contains(name, "-"): // the next mapping
			var begin, end uintptr
			begin, end, inside = codeOf(line, program)
			if _, _, failed := syscall.Syscall(syscall.SYS_MADVISE, begin, end-begin, advice); inside && failed != 0 {
				t.Skipf("madvise(%d): %s", advice, failed)
			}
		case inside && name == "Rss:":
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			total += kilobytes
		}
	}
	return total
}

func TestCodeThatIsNotNeededLeavesMemory(t *testing.T) {
	const populate, normal = 22, 0 // MADV_POPULATE_READ, since Linux 5.14, and MADV_NORMAL
	residentCode(t, populate)
	before := residentCode(t, normal)
	if err := letGo(); err != nil {
		t.Fatal(err)
	}
	if after := residentCode(t, normal); after > before/2 {
		t.Errorf("of %d kB of code in memory %d are left", before, after)
	}
}

func TestWhatIsCode(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-036d4000 r-xp 00000000 fe:00 99 /usr/bin/mashproxy":  true,
		"036d4000-0729c000 r--p 032d4000 fe:00 99 /usr/bin/mashproxy":  false,
		"072a4000-07400000 rw-p 06ea0000 fe:00 99 /usr/bin/mashproxy":  false,
		"7f5f8c5b6000-7f5f8c5b8000 r-xp 00000000 00:00 0 [vdso]":       false,
		"7f5f00000000-7f5f8c5b8000 r-xp 00000000 fe:00 9 /lib/libc.so": false,
		"c000000000-c000400000 rw-p 00000000 00:00 0":                  false,
	} {
		begin, end, is := codeOf(line, "/usr/bin/mashproxy")
		if is != want || is && (begin != 0x400000 || end != 0x36d4000) {
			t.Errorf("%s: %#x to %#x, %t", line, begin, end, is)
		}
	}
}
