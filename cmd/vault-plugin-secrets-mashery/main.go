// SPDX-License-Identifier: MPL-2.0

// Command vault-plugin-secrets-mashery is the Mashery secrets engine as a
// Vault plugin. Vault starts it; run by hand it says so and ends, or with
// -version tells the version to register it under.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/plugin"

	"mashproxy/secretsengine"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-version" {
		fmt.Println(secretsengine.Version)
		return
	}
	if os.Getenv("GOGC") == "" {
		// Next to nothing lives long here: by Go's default a busy plugin would
		// collect every 4 MiB, which is many times a second.
		debug.SetGCPercent(400)
	}
	// Vault 1.12 and later agree on TLS with the plugin by themselves (AutoMTLS).
	err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: secretsengine.Factory})
	if err != nil {
		hclog.New(&hclog.LoggerOptions{JSONFormat: true}).Error("the plugin could not be served", "error", err)
		os.Exit(1)
	}
}
