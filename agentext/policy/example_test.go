// SPDX-License-Identifier: MPL-2.0

package policy_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/policy"
)

// demo is an identity at Vault whose token may list the services of every role.
type demo struct{}

func (demo) Token() string { return "hvs.demo" }

func (demo) Read(_ context.Context, _, path string, _ url.Values) (*api.Secret, http.Header, error) {
	secret, err := api.ParseSecret(strings.NewReader(map[string]string{
		"auth/token/lookup-self": `{"request_id": "1", "data": {"num_uses": 0}}`,
		"sys/health":             `{"version": "1.21.4", "enterprise": false}`,
		"sys/internal/ui/resultant-acl": `{"request_id": "2", "data": {"root": false, "exact_paths": {}, "glob_paths": {
			"mash-creds/roles/+/proxy/v3/services": {"capabilities": ["read"]},
			"mash-creds/roles/+/grant":             {"capabilities": ["read"]}}}}`,
	}[path]))
	return secret, nil, err
}

func Example() {
	mount := policy.Mount{Path: "mash-creds"}
	policies := policy.New(policy.Config{Vault: demo{}, Mounts: []policy.Mount{mount}})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = policies.Run(ctx) }()

	rules, err := policies.Current(ctx, 20*time.Minute) // waits for the first reading
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, method := range []string{"GET", "DELETE"} {
		decision := rules.Decide(&policy.Request{Method: method, Mount: mount, Role: "demo", Path: "proxy/v3/services"})
		fmt.Println(method, decision.Verdict)
	}
	// Output:
	// GET allowed
	// DELETE denied
}
