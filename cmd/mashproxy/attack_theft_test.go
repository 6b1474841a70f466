// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoStealsTheConfigurationOrListsProcessesHasNoCredential(t *testing.T) {
	t.Parallel()
	f := besieged(t, almighty)
	process := fmt.Sprintf("/proc/%d", f.cmd.Process.Pid)
	f.secrets[read(t, f.Dir(), "secret-id")] = "the secret id"
	stolen := map[string]string{"the configuration": read(t, f.config), "the command line": strings.Join(f.cmd.Args, " ")}
	if exists(process) {
		stolen["the command line as others see it"] = read(t, process, "cmdline")
		stolen["the environment"] = read(t, process, "environ")
	}
	for where, text := range stolen {
		for secret, what := range f.secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", where, what)
			}
		}
	}
}

func TestWhatTheProgramWritesIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	sink, pid, log := filepath.Join(dir, "sink"), filepath.Join(dir, "pid"), filepath.Join(dir, "x.log")
	w := open(t, setup{edits: []edit{atTop(fmt.Sprintf("pid_file = %q\nlog_file = %q", pid, log)), sunk(sink)}})
	eventually(t, "the sink is written", func() bool { return exists(sink) })
	if mode := modeOf(t, w.Socket()); mode != 0o600 {
		t.Errorf("the socket's mode is %v", mode)
	}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && modeOf(t, path)&0o007 != 0 {
			t.Errorf("%s is for others, too: %v", filepath.Base(path), modeOf(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
