// SPDX-License-Identifier: MPL-2.0

package policy

// Cause says why a call cannot be decided here and is left to Vault. Its text
// is short and stable, fit for a log field; [Cause.Hint] is for people.
type Cause string

// The causes that concern every call of a token.
const (
	PolicyHidden   Cause = "policy_hidden"    // Vault refuses to show the token's rules
	PolicyUnknown  Cause = "policy_unknown"   // the rules hold something this version does not know
	Chroot         Cause = "chroot_namespace" // the Vault listener moves requests to another namespace
	LimitedUses    Cause = "num_uses"         // every use of the token counts, and Vault does the counting
	UsesUnknown    Cause = "num_uses_unknown" // Vault refuses to say whether uses count
	Enterprise     Cause = "enterprise"       // Vault may apply what it does not show
	EditionUnknown Cause = "edition_unknown"  // Vault does not say whether it is Enterprise
	NoNamespaces   Cause = "no_namespaces"    // the mount is in a namespace, Vault is Community
)

// The causes that concern single calls.
const (
	VaultHeader Cause = "vault_header" // the request carries a header that Vault's policies look at
	Snapshot    Cause = "snapshot"     // the request names a snapshot, which changes Vault's operation
	NoGrant     Cause = "no_grant"     // the token may not read the role's grant, or its token with grant_from = "token"
)

// Hint says what would let mashproxy decide, and so serve, such calls itself.
func (c Cause) Hint() string {
	switch c {
	case PolicyHidden:
		return `allow "read" on sys/internal/ui/resultant-acl in a policy of the token (Vault's default policy does)`
	case PolicyUnknown:
		return "use a mashproxy as new as Vault, or policies without what it does not know"
	case Chroot:
		return "reach Vault through a listener without chroot_namespace"
	case LimitedUses:
		return "let the auth method issue tokens without token_num_uses"
	case UsesUnknown:
		return `allow "read" on auth/token/lookup-self in a policy of the token (Vault's default policy does); it counts from the next login on`
	case Enterprise:
		return `if no MFA, control group or Sentinel policy concerns the mount, say so with enterprise = "acl-only" in its mashery block`
	case EditionUnknown:
		return `let mashproxy reach sys/health, or set enterprise = "acl-only" in the mashery block`
	case NoNamespaces:
		return "take the namespace out of the mashery block: this Vault is Community, which has none"
	case VaultHeader:
		return "leave out X-Vault-Wrap-TTL, X-Vault-MFA and X-Vault-Policy-Override"
	case Snapshot:
		return "leave out read_snapshot_id and recover_snapshot_id"
	case NoGrant:
		return `allow "read" on the role's grant in a policy of the token; with grant_from = "token", V3 calls need it on the role's token`
	default:
		return ""
	}
}
