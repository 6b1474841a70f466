// SPDX-License-Identifier: MPL-2.0

package autoauth_test

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/autoauth"
	"mashproxy/sandbox"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	box, err := sandbox.Start(ctx, sandbox.Options{})
	if err != nil {
		panic(err)
	}
	defer box.Close()
	client, err := box.Vault().Client()
	if err != nil {
		panic(err)
	}
	login, err := autoauth.New(autoauth.Config{
		AutoAuth: &proxyconfig.AutoAuth{Method: &proxyconfig.Method{Type: "approle", MountPath: "auth/approle", Config: map[string]any{
			"role_id_file_path":                   filepath.Join(box.Dir(), "role-id"),
			"secret_id_file_path":                 filepath.Join(box.Dir(), "secret-id"),
			"remove_secret_id_file_after_reading": false,
		}}},
		VaultAddress: box.Vault().Address(), Client: client, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		panic(err)
	}
	loggedIn := make(chan bool, 1)
	login.Identity.Listen(autoauth.Listener{Changed: func() { loggedIn <- true }, Lost: func() {}})
	ended := make(chan error, 2)
	go func() { ended <- login.RunHandler(ctx) }()
	go func() { ended <- login.RunSinks(ctx) }()

	<-loggedIn
	role, _, err := login.Identity.Read(ctx, "", "mash-creds/roles/demo", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(login.Identity, "as one who may see a role of", role.Data["qps"], "calls a second")
	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// logged in to Vault as one who may see a role of 10 calls a second
	// <nil> <nil>
}
