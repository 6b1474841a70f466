// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/agentproxyshared"
	"github.com/hashicorp/vault/command/agentproxyshared/cache"
	"github.com/hashicorp/vault/command/agentproxyshared/sink"
	"github.com/hashicorp/vault/command/agentproxyshared/sink/inmem"
	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/helper/useragent"
)

// leases is Vault's lease cache with what belongs to it, set up as
// command/proxy.go does.
type leases struct {
	ctx      context.Context // of renewals; ended by close
	cancel   context.CancelFunc
	cache    *cache.LeaseCache
	sink     sink.Sink                       // through which cache learns tokens
	updater  *cache.StaticSecretCacheUpdater // nil without cache_static_secrets
	previous string                          // the token found in the persistent cache
	storage  func() error                    // closes the persistent cache
}

func (f *Forwarder) openLeases(c Config) (*leases, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &leases{ctx: ctx, cancel: cancel, storage: func() error { return nil }}
	if err := l.open(f, c); err != nil {
		_ = l.close()
		return nil, err
	}
	return l, nil
}

func (l *leases) open(f *Forwarder, c Config) (err error) {
	log := f.log.Named("cache")
	l.cache, err = cache.NewLeaseCache(&cache.LeaseCacheConfig{
		Client:              f.client,
		BaseContext:         l.ctx,
		Proxier:             f.direct,
		Logger:              log.Named("leasecache"),
		CacheStaticSecrets:  c.Cache.CacheStaticSecrets,
		CacheDynamicSecrets: !c.Cache.DisableCachingDynamicSecrets,
		UserAgentToUse:      useragent.AgentProxyString(),
	})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if l.sink, err = inmem.New(&sink.SinkConfig{Logger: log}, l.cache); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	// Before the store is opened: what it restores needs the capability manager.
	if c.Cache.CacheStaticSecrets {
		if err := l.openStatic(c.Client, c.Cache, log); err != nil {
			return fmt.Errorf("cache: cache_static_secrets: %w", err)
		}
	}
	if c.Cache.Persist != nil {
		if err := l.openStorage(c.Cache.Persist, log); err != nil {
			return fmt.Errorf("cache: persist: %w", err)
		}
		f.redactor.learn(l.previous)
	}
	return nil
}

// openStorage restores what an earlier process kept. Vault's code closes it
// again itself unless it returns a function for that.
func (l *leases) openStorage(persist *agentproxyshared.PersistConfig, log hclog.Logger) error {
	closeStorage, previous, err := agentproxyshared.AddPersistentStorageToLeaseCache(l.ctx, l.cache, persist, log)
	if err != nil {
		return err
	}
	if closeStorage != nil {
		l.storage = closeStorage
	}
	l.previous = previous
	return nil
}

// openStatic makes what keeps static secrets up to date: an updater that
// listens to Vault's events, and a manager that watches who may read them.
func (l *leases) openStatic(shared *api.Client, c *config.Cache, log hclog.Logger) error {
	client, err := shared.CloneWithHeaders()
	if err != nil {
		return err
	}
	l.updater, err = cache.NewStaticSecretCacheUpdater(&cache.StaticSecretCacheUpdaterConfig{
		Client:     client,
		LeaseCache: l.cache,
		Logger:     log.Named("staticsecretcacheupdater"),
		TokenSink:  l.sink,
	})
	if err != nil {
		return err
	}
	manager, err := cache.NewStaticSecretCapabilityManager(&cache.StaticSecretCapabilityManagerConfig{
		LeaseCache: l.cache,
		Logger:     log.Named("staticsecretcapabilitymanager"),
		Client:     client,
		StaticSecretTokenCapabilityRefreshInterval:  c.StaticSecretTokenCapabilityRefreshInterval,
		StaticSecretTokenCapabilityRefreshBehaviour: c.StaticSecretTokenCapabilityRefreshBehaviour,
	})
	if err != nil {
		return err
	}
	l.cache.SetCapabilityManager(manager)
	return nil
}

// update runs the updater until ctx ends. The updater may sleep for 10 s when
// it is told to stop; nobody waits for that.
func (l *leases) update(ctx context.Context, identity Identity) {
	lost := make(chan error, 1) // it empties it before it sends, so that never waits either
	go func() {
		var busy atomic.Bool // the identity knows itself whether it is logging in
		_ = l.updater.Run(ctx, &busy, lost)
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-lost:
			identity.Invalid(l.sink.(sink.SinkReader).Token())
		}
	}
}

// close ends the renewals; what is cached stays in the persistent cache.
func (l *leases) close() error {
	if l.cache != nil {
		l.cache.SetShuttingDown(true)
	}
	l.cancel()
	return l.storage()
}
