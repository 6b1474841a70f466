// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test. These tests know nothing of it but what a
// user does: they run it, and talk to its sockets.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mp")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "mashproxy")
	os.Setenv("STATE_DIRECTORY", filepath.Join(dir, "state"))
	code := 1
	if err := build(binary); err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "the program does not build:", err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build uses the flags of the Makefile, so that what is compiled is shared.
func build(path string) error {
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return errors.Join(err, errors.New(said.String()))
	}
	return nil
}
