// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mashproxy/sandbox"
)

// Edit replaces Old by New in a configuration, in which Old must be.
type Edit struct{ Old, New string }

// InMashery adds lines to the mashery block of a sandbox's configuration.
func InMashery(lines ...string) Edit {
	begin := "mashery \"" + sandbox.DefaultMount + "\" {\n"
	return Edit{begin, begin + "  " + strings.Join(lines, "\n  ") + "\n"}
}

// AtTop adds a block to a sandbox's configuration.
func AtTop(block string) Edit { return Edit{"\nvault {", "\n" + block + "\n\nvault {"} }

// Metrics makes the program show its metrics as [Program.Metrics] reads them.
func Metrics() Edit {
	return AtTop("telemetry {\n  prometheus_retention_time = \"24h\"\n  disable_hostname = true\n}")
}

// Configure writes a sandbox's configuration with edits, beside it and under
// that name, and returns the path.
func Configure(box *sandbox.Sandbox, name string, edits ...Edit) (string, error) {
	text, err := os.ReadFile(box.ConfigFile())
	if err != nil {
		return "", err
	}
	edited, err := apply(string(text), edits)
	if err != nil {
		return "", err
	}
	path := filepath.Join(box.Dir(), name)
	return path, os.WriteFile(path, []byte(edited), 0o600)
}

func apply(text string, edits []Edit) (string, error) {
	for _, e := range edits {
		if !strings.Contains(text, e.Old) {
			return "", fmt.Errorf("the configuration has no %q:\n%s", e.Old, text)
		}
		text = strings.Replace(text, e.Old, e.New, 1)
	}
	return text, nil
}
