// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/hashicorp/cli"
)

// release is set when a release is linked (-ldflags "-X main.release=1.2.3").
var release = ""

// version is the release, or else what the build knows of itself.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "0.0.0-dev"
	}
	return info.Main.Version
}

// vaultVersion is the version of the Vault that is built in.
func vaultVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/hashicorp/vault" {
			return module.Version
		}
	}
	return "unknown"
}

type versionCommand struct{ ui cli.Ui }

func (c *versionCommand) Synopsis() string { return "Print the version" }

func (c *versionCommand) Help() string {
	return "Usage: mashproxy version\n\n  Prints the version of mashproxy, and of the Vault and Go it was built with."
}

func (c *versionCommand) Run([]string) int {
	c.ui.Output(fmt.Sprintf("mashproxy %s (Vault %s, %s, %s/%s)", version(), vaultVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
	return 0
}
