// SPDX-License-Identifier: MPL-2.0

package secretsengine_test

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/secretsengine"
)

// An engine is asked as Vault asks it: write a role, then read what it can do.
func Example() {
	ctx, storage := context.Background(), &logical.InmemStorage{}
	engine, err := secretsengine.Factory(ctx, &logical.BackendConfig{System: logical.TestSystemView(), StorageView: storage})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Cleanup(ctx)

	write := &logical.Request{Operation: logical.CreateOperation, Path: "roles/billing", Storage: storage, Data: map[string]any{
		"area_nid": 42, "api_key": "the-key", "secret": "the-secret",
	}}
	read := &logical.Request{Operation: logical.ReadOperation, Path: "roles/billing", Storage: storage}
	if _, err := engine.HandleRequest(ctx, write); err != nil {
		fmt.Println(err)
		return
	}
	role, err := engine.HandleRequest(ctx, read)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("V2:", role.Data["v2_capable"], "V3:", role.Data["v3_capable"], "qps:", role.Data["qps"])
	// Output: V2: true V3: false qps: 2
}
