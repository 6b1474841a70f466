// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	proxyconfig "github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/config"
)

// away is a Vault that is not there, and is told when somebody asks.
type away func()

func (a away) RoundTrip(*http.Request) (*http.Response, error) {
	a()
	return nil, errors.New("connection refused")
}

func TestALoginIsTriedMoreOftenWhereCallsWaitForIt(t *testing.T) {
	for name, test := range map[string]struct {
		blocks []*config.Mashery
		tries  int // in an hour, at least
		most   int
	}{
		"with a mashery block, every ten seconds": {[]*config.Mashery{{}}, 350, 490},
		"without one, as Vault Proxy does":        {nil, 15, 30},
	} {
		t.Run(name, func(t *testing.T) {
			secret := filepath.Join(t.TempDir(), "id")
			if err := os.WriteFile(secret, []byte("planted"), 0o600); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client, err := api.NewClient(&api.Config{Address: "http://vault", HttpClient: &http.Client{Transport: away(func() { tries++ })}})
				if err != nil {
					t.Fatal(err)
				}
				method := &proxyconfig.Method{Type: "approle", MountPath: "auth/approle", Config: map[string]any{
					"role_id_file_path": secret, "secret_id_file_path": secret, "remove_secret_id_file_after_reading": false,
				}}
				s := shared{client: client, logger: hclog.NewNullLogger(), config: &config.Config{
					Mashery: test.blocks,
					Vault:   &proxyconfig.Config{AutoAuth: &proxyconfig.AutoAuth{Method: method}, Vault: &proxyconfig.Vault{Address: "http://vault"}},
				}}
				login, err := s.login("")
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				defer stop()
				if err := login.RunHandler(ctx); err != nil || tries < test.tries || tries > test.most {
					t.Errorf("tried %d times, error %v", tries, err)
				}
			})
		})
	}
}
