// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

const (
	// probeTime is the longest time an endpoint may take to answer a check.
	probeTime = 15 * time.Second
	// clockSlack is what Date, in whole seconds, and the way back may add up to.
	clockSlack = 3 * time.Second
)

// finding is what a check found of one thing.
type finding struct {
	of     string
	failed bool
	text   string
}

func (f finding) String() string {
	if f.failed {
		return "fails: " + f.text
	}
	return f.text
}

// checkup is one check of the mount.
type checkup struct {
	*backend
	client *client
	store  logical.Storage
	// end is when whatever has not answered has failed.
	end time.Time
}

// endpoints asks all endpoints at once, with no credential.
func (c *checkup) endpoints(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, min(probeTime, time.Until(c.end)))
	defer cancel()
	endpoints := []struct {
		name string
		at   *url.URL
	}{{"v2_endpoint", c.client.sender.V2}, {"v3_endpoint", c.client.sender.V3}, {"v3_token_endpoint", c.client.tokens.Endpoint}}
	findings := make([]finding, len(endpoints)+1)
	offsets := make([]time.Duration, len(endpoints))
	var all sync.WaitGroup
	for i, endpoint := range endpoints {
		all.Go(func() { findings[i], offsets[i] = c.endpoint(ctx, endpoint.name, endpoint.at) })
	}
	all.Wait()
	findings[len(endpoints)] = clockFinding(offsets)
	return findings
}

// unknownOffset is that of a clock that was not told.
const unknownOffset = time.Duration(-1 << 63)

func (c *checkup) endpoint(ctx context.Context, name string, at *url.URL) (finding, time.Duration) {
	contact, err := mashery.Probe(ctx, c.client.transport, at)
	switch {
	case err != nil && ctx.Err() != nil:
		return finding{name, true, fmt.Sprintf("no answer from Mashery at %s in time", at.Host)}, unknownOffset
	case err != nil:
		return finding{name, true, err.Error()}, unknownOffset
	case contact.Date.IsZero():
		return finding{name, false, "answers: " + contact.String()}, unknownOffset
	}
	return finding{name, false, "answers: " + contact.String()}, contact.Date.Sub(c.now())
}

// clockFinding tells how far Mashery's clock is from ours. That fails nothing:
// signatures are made by Mashery's.
func clockFinding(offsets []time.Duration) finding {
	for _, offset := range offsets {
		switch {
		case offset == unknownOffset:
			continue
		case offset.Abs() <= clockSlack:
			return finding{"clock", false, "Mashery's agrees with this machine's"}
		case offset > 0:
			return finding{"clock", false, fmt.Sprintf("Mashery's is %s ahead of this machine's", offset.Round(time.Second))}
		}
		return finding{"clock", false, fmt.Sprintf("Mashery's is %s behind this machine's", offset.Abs().Round(time.Second))}
	}
	return finding{"clock", false, "Mashery did not tell"}
}

// canBeRole tells the names that a role can have.
var canBeRole = regexp.MustCompile("^" + roleName + "$")

// role tries what a role is capable of. Its error is a fault of the engine's own.
func (c *checkup) role(ctx context.Context, name string) ([]finding, error) {
	of := "role " + name
	if !canBeRole.MatchString(name) {
		return []finding{{of, true, "it does not exist"}}, nil
	}
	r, err := loadRole(ctx, c.store, name)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return []finding{{of, true, "it does not exist"}}, nil
	case !r.capable(mashery.V2) && !r.capable(mashery.V3):
		return []finding{{of, true, "it has the credentials of neither API"}}, nil
	}
	var findings []finding
	for _, api := range []mashery.API{mashery.V2, mashery.V3} {
		if !r.capable(api) {
			continue
		}
		found := finding{of: fmt.Sprintf("%s, %s", of, api)}
		if found.failed, found.text, err = c.try(ctx, r, api); err != nil {
			return nil, err
		}
		findings = append(findings, found)
	}
	return findings, nil
}

func (c *checkup) try(ctx context.Context, r *role, api mashery.API) (failed bool, text string, err error) {
	refused, err := c.refusal(ctx, c.store, r, api, toCall)
	if err != nil {
		return true, "", err
	}
	if refused != nil {
		return true, refused.Error().Error(), nil
	}
	buyer, err := c.buyer(ctx, c.store, r)
	if err != nil {
		return true, "", err
	}
	ctx, cancel := context.WithDeadline(ctx, c.end)
	defer cancel()
	as := c.tryV3
	if api == mashery.V2 {
		as = c.tryV2
	}
	if text, err = as(ctx, buyer); err == nil {
		return false, text, nil
	}
	if _, text := c.noAnswer(r.Name, err); text != "" {
		return true, strings.TrimPrefix(text, fmt.Sprintf("role %q: ", r.Name)), nil
	}
	return true, err.Error(), nil
}

// tryV3 gets the token that the role's readers share.
func (c *checkup) tryV3(ctx context.Context, of *buyer) (string, error) {
	token, err := of.shared(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("works: a token for %s more", token.left(c.now()).Round(time.Second)), nil
}

// tryV2 makes a call that does nothing.
func (c *checkup) tryV2(ctx context.Context, of *buyer) (string, error) {
	call := v2Call([]byte(`{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["mashproxy"]}`))
	from := &source{buyer: of, API: mashery.V2, call: ctx}
	call.MaxWait, call.Budget = c.bounds.Wait, from.budget
	reply, err := c.exchange(ctx, c.client.sender, call, from)
	if err == nil {
		_, err = reply.asResult()
	}
	if err != nil {
		return "", err
	}
	return "works: test.echo was answered", nil
}
