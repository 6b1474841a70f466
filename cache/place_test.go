// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// inVaultsPlace are answers of what stands before Vault.
var inVaultsPlace = map[string]func() (*api.Secret, http.Header, error){
	"a page that says 404":    func() (*api.Secret, http.Header, error) { return nil, nil, page(404, "<html>no backend</html>") },
	"a page that says 403":    func() (*api.Secret, http.Header, error) { return nil, nil, page(403, "invalid token") },
	"a page that says 400":    func() (*api.Secret, http.Header, error) { return nil, nil, page(400, "lease not found") },
	"an error in other words": func() (*api.Secret, http.Header, error) { return nil, nil, &api.ResponseError{StatusCode: 403} },
	"a page that says yes": func() (*api.Secret, http.Header, error) {
		secret, err := api.ParseSecret(strings.NewReader("<html>welcome</html>"))
		return secret, nil, err
	},
	"an object that holds nothing": func() (*api.Secret, http.Header, error) { return &api.Secret{}, nil, nil },
	"an object that says something": func() (*api.Secret, http.Header, error) {
		return &api.Secret{Data: map[string]any{"message": "hello"}}, nil, nil
	},
	"a lease of another's": func() (*api.Secret, http.Header, error) {
		return &api.Secret{LeaseDuration: 60, Data: map[string]any{"name": "x"}}, nil, nil
	},
	"nothing": func() (*api.Secret, http.Header, error) { return nil, nil, nil },
}

// page is a refusal by something else than Vault.
func page(status int, text string) error {
	return &api.ResponseError{StatusCode: status, RawError: true, Errors: []string{text}}
}

func TestWhatAnswersInVaultsPlaceRefusesNoGrant(t *testing.T) {
	for name, gives := range inVaultsPlace {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.gives = gives
				_, err := g.Get(t.Context(), demo)
				if err == nil || Refused(err) || errors.Is(err, ErrUnusable) || errors.Is(err, ErrNotVault) == errors.As(err, new(*api.ResponseError)) {
					t.Errorf("got %v", err)
				}
				if g.line.away == nil {
					t.Error("Vault is thought to be there")
				}
				time.Sleep(longestShare)
				v.now(func(v *vault) { v.gives = nil })
				get(t, g, demo)
			})
		})
	}
}

func TestWhatAnswersInVaultsPlaceEndsNoLiveGrant(t *testing.T) {
	for name, gives := range inVaultsPlace {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
				v.lease, v.most = 60, 60
				g.Lasting = func(err error) bool { return Refused(err) }
				want(t, g, "t1-1", "before")
				time.Sleep(30 * time.Second)
				v.now(func(v *vault) {
					v.gives = gives
					v.keeps = func() (*api.Secret, error) { secret, _, err := gives(); return secret, err }
				})
				for range 250 { // until three seconds before its end
					want(t, g, "t1-1", "meanwhile")
					time.Sleep(100 * time.Millisecond)
				}
				v.now(func(v *vault) { v.gives, v.keeps = nil, nil })
				if failed, slowest := spread(t, g, []Key{demo}, 100*time.Millisecond, time.Minute); failed > 0 || slowest > 0 {
					t.Errorf("%d calls failed, the slowest took %s", failed, slowest)
				}
			})
		})
	}
}

func TestAPageIsRepeatedInPart(t *testing.T) {
	long := page(502, strings.Repeat("<p>\n", 1000))
	if got := brief(long); len(got) > longestWords+100 || !strings.HasPrefix(got, "status 502: not in Vault's words: <p> <p>") {
		t.Errorf("got %s", got)
	}
}
