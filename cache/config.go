// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
)

// Vault is asked with the application's current token. Its functions fail with
// *api.ResponseError when Vault refuses.
type Vault interface {
	// Token is the current token; "" while there is none. It is called with
	// locks held.
	Token() string
	Read(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, http.Header, error)
	// Write gives no secret when Vault has nothing to say.
	Write(ctx context.Context, namespace, path string, data map[string]any) (*api.Secret, error)
	Delete(ctx context.Context, namespace, path string, query url.Values) error
}

// Parse makes a grant of the data of Vault's answer.
type Parse[G any] func(key Key, data map[string]any) (G, error)

// Config is what grants are kept with.
type Config[G any] struct {
	Vault Vault
	Parse Parse[G]
	// Lasting tells a refusal of Vault's by which the role is none whose grants
	// may be used, for as long as it stays as it is: a live grant goes, and the
	// refusal is remembered (see [Grants.Refusal]). nil: there are none such.
	Lasting func(error) bool
	// Logger is told of changes for the worse and back; nil: silence.
	Logger hclog.Logger
	// Observe is told what happens, for counters; nil: nobody is. It is called
	// with locks held.
	Observe func(Event)
}

// Event is something that happened to a grant.
type Event string

// What is observed.
const (
	FetchOK      Event = "fetch.ok"
	FetchRefused Event = "fetch.refused" // Vault said no, or gave something else
	FetchFailed  Event = "fetch.failed"  // Vault was away

	RenewalOK          Event = "renewal.ok"
	RenewalNotExtended Event = "renewal.not_extended"
	RenewalRefused     Event = "renewal.refused"
	RenewalFailed      Event = "renewal.failed"

	DropDead   Event = "drop.dead"    // Mashery refused it
	DropLease  Event = "drop.lease"   // Vault does not know its lease any more
	DropRole   Event = "drop.role"    // Vault gives the role's grants no more
	DropToken  Event = "drop.token"   // its token was lost or replaced
	DropByHand Event = "drop.by_hand" // someone asked for it
)
