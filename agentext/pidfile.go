// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// writePidFile writes this process's id to path, "" for nowhere, and returns
// what removes it, if nobody else has.
func writePidFile(path string) (remove func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, fmt.Errorf("pid_file: %w", err)
	}
	return func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("pid_file: %w", err)
		}
		return nil
	}, nil
}
