// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"context"
	"fmt"
	"log"
	"path/filepath"

	"mashproxy/sandbox"
)

// A sandbox on free ports, its files in a temporary folder.
func Example() {
	ctx := context.Background()
	s, err := sandbox.Start(ctx, sandbox.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	client, err := s.Vault().Client()
	if err != nil {
		log.Fatal(err)
	}
	role, err := client.Logical().ReadWithContext(ctx, "mash-creds/roles/demo")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(role.Data["v2_capable"], role.Data["v3_capable"])
	fmt.Println(filepath.Base(s.ConfigFile()))
	// Output:
	// true true
	// mashproxy.hcl
}
