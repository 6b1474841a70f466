// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// cannotTell is the exit code by which mashproxy can says that it failed; others
// are its answers.
const cannotTell = 2

// mashproxy runs the program, for questions only: pages that start a proxy are
// tried with the one that runs already.
func (s *shell) mashproxy(args []string, stdin string) (*outcome, error) {
	if len(args) == 0 || args[0] != "can" {
		return nil, fmt.Errorf("mashproxy with %q is not known here", args)
	}
	program, err := s.build()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	var said, complained bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.folder, bytes.NewReader([]byte(stdin)), &said, &complained
	err = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); err != nil && (code < 0 || code == cannotTell) {
		return nil, fmt.Errorf("%w: %s", err, &complained)
	}
	return &outcome{text: said.String()}, nil
}

// build builds the program, once for each page that runs it.
func (s *shell) build() (string, error) {
	program := filepath.Join(s.folder, "mashproxy")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "../cmd/mashproxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(said)))
	}
	return program, nil
}
