// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Build builds a command, such as mashproxy/cmd/mashproxy, with the flags of the
// Makefile, so that what is compiled is shared. It needs Go and the module's
// folder, or one below, as the working directory.
func Build(ctx context.Context, command, path string) error {
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", path, command)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", command, err, said)
	}
	return nil
}
