// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"fmt"
	"os"
	"strconv"
)

// writePidFile writes this process's id to path, "" for nowhere, and returns
// what removes it.
func writePidFile(path string) (remove func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, fmt.Errorf("pid_file: %w", err)
	}
	return func() error { return os.Remove(path) }, nil
}
