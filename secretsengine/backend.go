// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/locksutil"
	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/singleflight"

	"mashproxy/mashery"
)

// Version is what the engine reports of itself, to Vault and in X-Proxy-Mode.
const Version = "v0.1.0"

// backend is the engine of one mount.
type backend struct {
	*framework.Backend
	now    func() time.Time
	bounds bounds

	roleLocks  []*locksutil.LockEntry // who changes a role, or what is kept of it
	configLock sync.Mutex             // who changes the configuration
	budgets    *mashery.Budgets
	turns      tokenTurns
	rests      tokenRests
	memory     *memory
	salt       saltCache
	client     clientCache

	// fetches lets one token fetch per role run. Fetches outlive the request
	// that began them, not the mount: stop ends them and running waits.
	fetches singleflight.Group
	mounted context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

// bounds are the limits of what the engine waits for and reads.
type bounds struct {
	// Fetch is the longest time one token fetch may take, its waiting included.
	// Programs that ask for grants, such as mashproxy, wait for 30 s.
	Fetch time.Duration
	// Refresh is the longest time that a refresh token is tried for.
	Refresh time.Duration
	// Turn is the longest time a token fetch may wait to be made.
	Turn time.Duration
	// Renewal is the longest time the readers of a token that still lives wait
	// for the next one.
	Renewal time.Duration
	// Call is the longest time one proxied call may take, its waiting included.
	// Vault itself gives a request 90 s.
	Call time.Duration
	// Wait is the longest time a proxied call may wait for its slots.
	Wait time.Duration
	// Body is the longest answer passed on, in bytes.
	Body int64
}

func defaultBounds() bounds {
	return bounds{
		Fetch: 29 * time.Second, Refresh: 10 * time.Second, Turn: 26 * time.Second, Renewal: 2 * time.Second,
		Call: time.Minute, Wait: 30 * time.Second, Body: 32 << 20,
	}
}

// Factory makes the engine of one mount; Vault calls it.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	if conf == nil {
		return nil, errors.New("the Mashery secrets engine was started without a backend configuration")
	}
	b := newBackend(defaultBounds(), time.Now)
	if err := b.Setup(ctx, conf); err != nil {
		return nil, fmt.Errorf("setting up the Mashery secrets engine: %w", err)
	}
	return b, nil
}

func newBackend(limits bounds, now func() time.Time) *backend {
	b := &backend{
		now:       now,
		bounds:    limits,
		roleLocks: locksutil.CreateLocks(),
		budgets:   mashery.NewBudgets(),
		memory:    newMemory(),
	}
	b.mounted, b.stop = context.WithCancel(context.Background())
	b.Backend = &framework.Backend{
		BackendType:    logical.TypeLogical,
		RunningVersion: Version,
		Help:           backendHelp,
		PathsSpecial: &logical.Paths{
			Root:            []string{"config", "config/*"},
			SealWrapStorage: []string{configKey, rolePrefix, tokenPrefix, keyPrefix},
		},
		// Each request tries them in this order: what programs ask comes first.
		Paths: named(framework.PathAppend(
			b.pathsProxyV3(),
			b.pathsProxyV2(),
			[]*framework.Path{b.pathToken(), b.pathGrant(), b.pathCLIV3()},
			b.pathsCLIV2(),
			[]*framework.Path{b.pathRole(), b.pathRoleList(), b.pathPEM(), b.pathExport(), b.pathImport()},
			[]*framework.Path{b.pathConfig(), b.pathConfigCertList(), b.pathConfigCert(), b.pathCheck()},
		)),
		Secrets:    []*framework.Secret{b.leaseV2(), b.leaseV3()},
		Invalidate: b.invalidate,
		Clean:      b.clean,
	}
	return b
}

// Setup implements logical.Backend.
func (b *backend) Setup(ctx context.Context, conf *logical.BackendConfig) error {
	own := *conf
	if conf.System != nil {
		own.System = &steadyView{SystemView: conf.System, now: b.now}
	}
	return b.Backend.Setup(ctx, &own)
}

// HandleRequest implements logical.Backend.
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	defer b.remembering(req)()
	if err := b.checkTypes(req); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	return b.Backend.HandleRequest(ctx, req)
}

// HandleExistenceCheck implements logical.Backend.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (found, exists bool, err error) {
	defer b.remembering(req)()
	// Whether something is there is not a matter of the data, which the SDK would
	// check here, too, and Vault log.
	data := req.Data
	req.Data = nil
	defer func() { req.Data = data }()
	return b.Backend.HandleExistenceCheck(ctx, req)
}

// remembering puts the memory before the request's storage, until the returned
// function is called, unless Vault is to do without caches (disable_cache).
func (b *backend) remembering(req *logical.Request) (done func()) {
	storage := req.Storage
	if b.System() == nil || !b.System().CachingDisabled() {
		req.Storage = b.memory.over(storage)
	}
	return func() { req.Storage = storage }
}

// invalidate forgets what is remembered of a storage entry that another node
// of Vault has changed: first the entry, then what was made of it.
func (b *backend) invalidate(_ context.Context, key string) {
	b.memory.invalidate(key)
	switch key {
	case configKey:
		b.client.drop()
	case saltKey:
		b.salt.drop()
	}
}

// clean ends what outlives requests; Vault calls it as it unmounts.
func (b *backend) clean(context.Context) {
	b.stop()
	b.running.Wait()
	b.client.drop()
	b.memory.clear()
}

const backendHelp = `
The Mashery secrets engine keeps the credentials of Mashery's administration
APIs, V2 and V3, in roles, and hands out what is short-lived: V2 signatures and
V3 access tokens. It can also make the calls itself (proxy mode), so that no
credential leaves Vault.

Write a role (roles/:role), then read roles/:role/grant or roles/:role/token, or
send calls to roles/:role/proxy/v2 and roles/:role/proxy/v3/... People use
roles/:role/v2 and roles/:role/v3/... with vault read, list, write and delete.

Where Mashery is and what is trusted there, config says; check says what works.
`
