// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/vault/helper/namespace"

	"mashproxy/agentext/localrules"
	"mashproxy/mashery"
)

// masheryBlock is a mashery block as it is written. A nil field is not there.
type masheryBlock struct {
	Namespace    *string  `hcl:"namespace,optional"`
	V3Endpoint   *string  `hcl:"v3_endpoint,optional"`
	V2Endpoint   *string  `hcl:"v2_endpoint,optional"`
	GrantFrom    *string  `hcl:"grant_from,optional"`
	Policy       *string  `hcl:"policy,optional"`
	Enterprise   *string  `hcl:"enterprise,optional"`
	Reveal       []string `hcl:"reveal,optional"`
	ForwardRoles []string `hcl:"forward_roles,optional"`
	QPS          *float64 `hcl:"qps,optional"`
	MaxWait      *string  `hcl:"max_wait,optional"`
	MaxQueue     *float64 `hcl:"max_queue,optional"`
	Headroom     *string  `hcl:"headroom,optional"`

	PolicyMaxStale        *string   `hcl:"policy_max_stale,optional"`
	DialTimeout           *string   `hcl:"dial_timeout,optional"`
	TLSHandshakeTimeout   *string   `hcl:"tls_handshake_timeout,optional"`
	ResponseHeaderTimeout *string   `hcl:"response_header_timeout,optional"`
	ProxyAddress          *string   `hcl:"proxy_address,optional"`
	TLS                   *tlsBlock `hcl:"tls,block"`
	Rest                  hcl.Body  `hcl:",remain"`
}

// findMashery finds the mashery blocks and `compat`, on which depends how
// grave all else is.
func (l *loader) findMashery() {
	schema := &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "compat"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "mashery", LabelNames: []string{"mount"}}},
	}
	for _, f := range l.parsed() {
		content, _, diags := f.tree.Body().PartialContent(schema)
		l.diags = append(l.diags, diags...)
		l.blocks = append(l.blocks, content.Blocks...)
		if compat := content.Attributes["compat"]; compat != nil {
			l.compat(compat)
		}
	}
	l.strict = hcl.DiagWarning
	if len(l.blocks) > 0 && !l.lenient {
		l.strict = hcl.DiagError
	}
}

func (l *loader) compat(attr *hcl.Attribute) {
	var value string
	if diags := gohcl.DecodeExpression(attr.Expr, nil, &value); diags.HasErrors() {
		l.diags = append(l.diags, plainTypes(diags)...)
	} else if value != "warn" {
		l.error(attr.Expr.Range(), fmt.Sprintf("compat cannot be %q", value), `The only value is "warn": unknown and misplaced keys become warnings. Leave it out to have them refused.`)
	}
	l.lenient = true // what was meant is plain
}

// mashery decodes and checks the blocks, each by itself and one with another,
// and gives their local rules in that order.
func (l *loader) mashery() (all []*Mashery, rules []*localrules.Rules) {
	seen := map[string]hcl.Range{}
	for _, block := range l.blocks {
		b := &blockReader{loader: l, block: block}
		m := b.read()
		if first, twice := seen[m.Path()]; twice {
			l.error(block.LabelRanges[0], fmt.Sprintf("Mount %q has two blocks", m.Path()),
				fmt.Sprintf("Namespace and label together are the same as those at %s:%d.", first.Filename, first.Start.Line))
		}
		seen[m.Path()] = block.DefRange
		all = append(all, m)
		rules = append(rules, l.rules(block.Body, fmt.Sprintf("mashery %q", m.Path())))
	}
	return all, rules
}

// blockReader makes a Mashery of one block.
type blockReader struct {
	*loader
	block *hcl.Block
	attrs hcl.Attributes
}

func (b *blockReader) read() *Mashery {
	var raw masheryBlock
	b.diags = append(b.diags, plainTypes(gohcl.DecodeBody(b.block.Body, nil, &raw))...)
	b.attrs, _ = b.block.Body.JustAttributes()
	m := &Mashery{
		Mount:        b.mount(),
		Namespace:    b.namespace(raw.Namespace),
		V2Endpoint:   b.endpoint("v2_endpoint", raw.V2Endpoint, mashery.DefaultV2Endpoint),
		V3Endpoint:   b.endpoint("v3_endpoint", raw.V3Endpoint, mashery.DefaultV3Endpoint),
		Policy:       Policy(b.choice("policy", raw.Policy, string(PolicyEnforce), string(PolicyEnforce), string(PolicyOff))),
		Enterprise:   b.choice("enterprise", raw.Enterprise, "", "", EnterpriseACLOnly),
		GrantFrom:    GrantFrom(b.choice("grant_from", raw.GrantFrom, string(GrantFromGrant), string(GrantFromGrant), string(GrantFromToken))),
		Reveal:       raw.Reveal,
		ForwardRoles: raw.ForwardRoles,
		Egress:       b.egress(raw.ProxyAddress),
		TLS:          b.tls(raw.TLS),
	}
	b.readTimes(m, &raw)
	b.readLimits(m, &raw)
	b.roles("reveal", raw.Reveal, TokenCreation)
	b.roles("forward_roles", raw.ForwardRoles)
	return m
}

func (b *blockReader) readLimits(m *Mashery, raw *masheryBlock) {
	if raw.QPS != nil {
		m.QPS = *raw.QPS
	}
	if m.QPS < 0 {
		b.error(b.at("qps"), "qps is negative", "Write how many calls a second a role may make at most, or 0 for the role's own limit.")
	}
	m.MaxQueue = DefaultMaxQueue
	if n := raw.MaxQueue; n != nil {
		m.MaxQueue = int(*n)
		if *n < 1 || *n > math.MaxInt32 || *n != math.Trunc(*n) {
			b.error(b.at("max_queue"), fmt.Sprintf("max_queue cannot be %v", *n), "Write how many calls may wait for the slots of one API key: a whole number, 1 or more.")
		}
	}
}

// at is the place of a key's value, or of the block if it is not there.
func (b *blockReader) at(key string) hcl.Range { return valueAt(b.attrs, key, b.block.DefRange) }

// valueAt is the place of a key's value, or elsewhere if it is not there.
func valueAt(attrs hcl.Attributes, key string, elsewhere hcl.Range) hcl.Range {
	for name, attr := range attrs {
		if strings.EqualFold(name, key) && attr.Expr.Range().Filename != "" {
			return attr.Expr.Range()
		}
	}
	return elsewhere
}

// mount checks the label. A path with characters that must be escaped in a URL
// is refused, because a local call's path up to the role must not be.
func (b *blockReader) mount() string {
	mount := strings.Trim(b.block.Labels[0], "/")
	reserved := []string{"sys", "auth", "cubbyhole", "identity", "audit"}
	switch first, _, _ := strings.Cut(mount, "/"); {
	case mount == "":
		b.error(b.block.LabelRanges[0], "Mount missing", `The label is the path at which the Mashery secrets engine is mounted, like "mash-creds".`)
	case !isPath(mount):
		b.error(b.block.LabelRanges[0], fmt.Sprintf("%q is no mount path", mount), `Write the path as Vault lists it, without spaces, "." and ".." and empty parts, like "team/a/mash".`)
	case slices.Contains(reserved, first):
		b.error(b.block.LabelRanges[0], fmt.Sprintf("%q is Vault's own", mount), "No secrets engine can be mounted there.")
	}
	return mount
}

func (b *blockReader) namespace(raw *string) string {
	if raw == nil || strings.Trim(*raw, "/") == "" {
		return ""
	}
	ns := strings.Trim(*raw, "/")
	if !isPath(ns) {
		b.error(b.at("namespace"), fmt.Sprintf("%q is no namespace", ns), `Write it as Vault lists it, like "team" or "team/a".`)
	}
	return namespace.Canonicalize(ns)
}

// isPath tells whether path can stand in a URL as it is.
func isPath(path string) bool {
	for _, part := range strings.Split(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return (&url.URL{Path: "/" + path}).EscapedPath() == "/"+path
}

func (b *blockReader) endpoint(key string, raw *string, fallback string) *url.URL {
	text := fallback
	if raw != nil {
		text = *raw
	}
	u, err := mashery.ParseEndpoint(text)
	if err != nil {
		b.error(b.at(key), key+" cannot be used", sentence(err.Error()))
	}
	return u
}

func (b *blockReader) choice(key string, raw *string, fallback string, allowed ...string) string {
	if raw == nil {
		return fallback
	}
	if !slices.Contains(allowed, *raw) {
		b.error(b.at(key), fmt.Sprintf("%s cannot be %q", key, *raw), choices(*raw, allowed))
	}
	return *raw
}

// choices is advice on a value that is not among those allowed.
func choices(value string, allowed []string) string {
	if like := nearest(value, allowed); like != "" {
		return fmt.Sprintf("Did you mean %q?", like)
	}
	quoted := make([]string, len(allowed))
	for i, a := range allowed {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return "Write " + strings.Join(quoted, " or ") + "."
}

// roles checks a list of globs. Literals are entries that are no role.
func (b *blockReader) roles(key string, globs []string, literals ...string) {
	for _, glob := range globs {
		if err := checkGlob(glob); err != nil && !slices.Contains(literals, glob) {
			detail := sentence(err.Error())
			if len(literals) > 0 && strings.Contains(glob, "/") {
				detail += fmt.Sprintf(" The one entry with slashes is %q.", literals[0])
			}
			b.error(b.at(key), fmt.Sprintf("%s: %q is no role", key, glob), detail)
		}
	}
}

// plainTypes says gohcl's complaints of types in our words.
func plainTypes(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		if what, typed := strings.CutPrefix(d.Detail, "Unsuitable value: "); typed {
			words := strings.NewReplacer(
				"map of map of list of string required", `an object like { "method" = { argument = ["value"] } } is required`,
				"map of list of string required", `an object like { argument = ["value"] } is required`,
				"list of string required", "a list of texts is required", "string required", "a text is required")
			d.Summary, d.Detail = wrongType, sentence(words.Replace(what))
		}
	}
	return diags
}
