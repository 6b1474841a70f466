// SPDX-License-Identifier: MPL-2.0

package config

import (
	"net/url"
	"time"

	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/helper/namespace"

	"mashproxy/agentext/localrules"
	"mashproxy/mashery"
)

// Config is everything the files, the environment and the flags say, checked.
type Config struct {
	// Vault is Vault Proxy's part, as Vault's loader reads and merges it. Its
	// Vault block is never nil and has an address; environment and flags are
	// in it. A unix listener without any tls_ key has TLSDisable set.
	Vault *config.Config
	// RetriesSet tells that Vault.Vault.Retry.NumRetries was asked for: by a
	// num_retries other than 0 or by VAULT_MAX_RETRIES. Otherwise it is a
	// default of Vault's loader (12), or there is none.
	RetriesSet bool
	// Mashery holds the mashery blocks in the order of the files. Without one
	// the program is a plain Vault Proxy.
	Mashery []*Mashery
	// LocalRules are the local rules of listeners and blocks.
	LocalRules LocalRules
}

// LocalRules are all local rules of a configuration. An entry is nil where there
// are none.
type LocalRules struct {
	// Listeners are those of Vault.Listeners, in their order.
	Listeners []*localrules.Rules
	// Mashery are those of the mashery blocks, in their order.
	Mashery []*localrules.Rules
}

// Namespace is the canonical namespace ("" or ending in "/") in which this
// process logs in and asks Vault for things of its own: that of the login
// method or else of the vault block, unless the environment or a flag names
// one (command/proxy.go).
func (c *Config) Namespace() string {
	if a := c.Vault.AutoAuth; a != nil && a.Method != nil && a.Method.Namespace != "" {
		return namespace.Canonicalize(a.Method.Namespace)
	}
	return namespace.Canonicalize(c.Vault.Vault.Namespace)
}

// RevealsTokenCreation tells whether callers may create Vault tokens from the
// auto-auth token: when any block reveals [TokenCreation].
func (c *Config) RevealsTokenCreation() bool {
	for _, m := range c.Mashery {
		for _, entry := range m.Reveal {
			if entry == TokenCreation {
				return true
			}
		}
	}
	return false
}

// TokenCreation is the entry of a reveal list that opens token creation.
const TokenCreation = "auth/token/create*"

// Policy says whether local calls are held against the token's Vault policies.
type Policy string

// The values of the key `policy`.
const (
	PolicyEnforce Policy = "enforce"
	PolicyOff     Policy = "off"
)

// EnterpriseACLOnly is the value of the key `enterprise` that says: this Vault
// Enterprise decides about the mount by ACL policies alone, without MFA,
// control groups or Sentinel.
const EnterpriseACLOnly = "acl-only"

// GrantFrom says where the V3 grants of a block come from.
type GrantFrom string

// The values of the key `grant_from`.
const (
	// GrantFromGrant: every process has grants of its own, from roles/:role/grant.
	GrantFromGrant GrantFrom = "grant"
	// GrantFromToken: all processes share one V3 token, from roles/:role/token.
	GrantFromToken GrantFrom = "token"
)

// What holds where a mashery block says nothing else.
const (
	DefaultMaxWait        = 30 * time.Second // of max_wait
	DefaultMaxQueue       = 1024             // of max_queue, in calls
	DefaultPolicyMaxStale = 20 * time.Minute // of policy_max_stale
)

// Mashery is one mashery block: a mount of the Mashery secrets engine whose
// calls are served here.
type Mashery struct {
	// Mount is the mount's path without slashes at its ends: "mash-creds".
	Mount string
	// Namespace is the canonical Vault namespace of the mount: "" for root,
	// "team/" for team.
	Namespace string
	// V2Endpoint and V3Endpoint are where calls are sent.
	V2Endpoint, V3Endpoint *url.URL
	// Policy is PolicyEnforce unless the block says otherwise.
	Policy Policy
	// Enterprise is "" or EnterpriseACLOnly.
	Enterprise string
	// Reveal lists roles, as globs, whose grant and token callers may read,
	// and perhaps TokenCreation.
	Reveal []string
	// ForwardRoles lists roles, as globs, that are never served here.
	ForwardRoles []string
	// QPS caps the calls per second of a role, below the role's own; 0: the
	// role's own.
	QPS float64
	// MaxWait is the longest time one call may wait for its slots.
	MaxWait time.Duration
	// MaxQueue is how many calls may wait for the slots of one budget.
	MaxQueue int
	// Headroom is by how much calls are held apart more than the budget asks,
	// against jitter on the way to Mashery. With HeadroomAuto it is measured,
	// and this is 0.
	Headroom     time.Duration
	HeadroomAuto bool
	// GrantFrom is GrantFromGrant unless the block says otherwise.
	GrantFrom GrantFrom
	// PolicyMaxStale is how long the last policies read hold while Vault is
	// away; 0: as long as the token lives.
	PolicyMaxStale time.Duration
	// The time-outs of the way to Mashery; 0: the default of the mashery room.
	DialTimeout, TLSHandshakeTimeout, ResponseHeaderTimeout time.Duration
	// Egress is the proxy Mashery is reached through; nil: the environment's.
	Egress *mashery.Egress
	// TLS says which servers are taken for Mashery's.
	TLS TLS
}

// Path is the mount's path with its namespace before it, without slashes at
// its ends. No two blocks have the same.
func (m *Mashery) Path() string { return m.Namespace + m.Mount }

// Reveals tells whether callers may read grant and token of role.
func (m *Mashery) Reveals(role string) bool { return anyGlob(m.Reveal, role) }

// Forwards tells whether calls of role all go to Vault.
func (m *Mashery) Forwards(role string) bool { return anyGlob(m.ForwardRoles, role) }
