// SPDX-License-Identifier: MPL-2.0

package config_test

import (
	"fmt"
	"os"

	"mashproxy/agentext/config"
)

func Example() {
	cfg, warnings, err := config.Load([]string{"../../examples/hcl/minimal.hcl"}, config.Options{LookupEnv: os.LookupEnv})
	if err != nil {
		fmt.Println(err) // every problem, with file, line, column and source line
		return
	}
	for _, mount := range cfg.Mashery {
		fmt.Println(mount.Path(), mount.V3Endpoint, mount.MaxWait, len(warnings))
	}
	// Output: mash-creds https://api.mashery.com/v3/rest 30s 0
}
