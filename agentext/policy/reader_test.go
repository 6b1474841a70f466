// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/redirect"
)

// TestWhatARealVaultIsLeftToDecide reads real tokens of a real Vault.
func TestWhatARealVaultIsLeftToDecide(t *testing.T) {
	v := newJudgeVault(t)
	const all = `path "mash-creds/roles/+/proxy/*" { capabilities = ["create", "read", "update", "delete", "list"] }`
	bare := api.TokenCreateRequest{NoDefaultPolicy: true}
	tests := map[string]struct {
		token string
		cause Cause
	}{
		"nothing, with Vault's default policy": {v.token(api.TokenCreateRequest{}, all, grantRules), ""},
		"nothing, with the root token":         {v.root, ""},
		"nothing, with a batch token":          {v.token(api.TokenCreateRequest{Type: "batch"}, all, grantRules), ""},
		"a token with num_uses":                {v.token(api.TokenCreateRequest{NumUses: 50}, all, grantRules), LimitedUses},
		"a token that may not look itself up":  {v.token(bare, all, grantRules), UsesUnknown},
		"a token that may not see its rules": {v.token(bare, all, grantRules,
			`path "auth/token/lookup-self" { capabilities = ["read"] }`), PolicyHidden},
		"a token that may not read the grant": {v.token(api.TokenCreateRequest{}, all), NoGrant},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := v.rules(test.token).Decide(request("GET proxy/v3/services"))
			if got.Cause != test.cause || (got.Verdict == Allowed) != (test.cause == "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestATokenWithNumUsesIsUsedOnce(t *testing.T) {
	v := newJudgeVault(t)
	token := v.token(api.TokenCreateRequest{NumUses: 2})
	reader := &reader{vault: v.identity(token), mounts: []Mount{{Path: demoMount}}}
	for range 3 {
		if rules, err := reader.read(context.Background(), token); err != nil || rules.cause != LimitedUses {
			t.Fatalf("%+v, error %v", rules, err)
		}
	}
	secret, err := v.client(token).Auth().Token().LookupSelf() // the second use
	if err != nil || secret.Data["num_uses"] != nil && jsonOf(t, secret.Data["num_uses"]) == "0" {
		t.Errorf("a use is missing: %v", err)
	}
}

// page is JSON that is not Vault's.
type page string

// script is a Vault whose answers are written down: by path, JSON or an error.
type script struct {
	answers map[string]any
	asked   []string
}

func (s *script) read(_ context.Context, path string, query url.Values) (*api.Secret, error) {
	s.asked = append(s.asked, strings.TrimSuffix(path+"?"+query.Encode(), "?"))
	switch answer := s.answers[path].(type) {
	case error:
		return nil, answer
	case page:
		return api.ParseSecret(strings.NewReader(string(answer)))
	case string:
		secret, err := api.ParseSecret(strings.NewReader(answer))
		if err == nil && path != health {
			secret.RequestID = "0c1f" // as every answer of Vault's has
		}
		return secret, err
	default:
		return nil, nil // as the client does for an answer without a body
	}
}

func vaultError(status int, text string) error {
	return &api.ResponseError{StatusCode: status, Errors: []string{text}}
}

const (
	lookupSelf = "auth/token/lookup-self"
	health     = "sys/health"
	resultant  = "sys/internal/ui/resultant-acl"
)

// goodAnswers are those of a Community Vault to a root token, changed by pairs
// of path and answer.
func goodAnswers(changes ...any) map[string]any {
	answers := map[string]any{
		lookupSelf: `{"data": {"num_uses": 0}}`,
		health:     `{"initialized": true, "sealed": false, "version": "1.21.4", "enterprise": false}`,
		resultant:  `{"data": {"root": true, "chroot_namespace": ""}}`,
	}
	for pair := range slices.Chunk(changes, 2) {
		answers[pair[0].(string)] = pair[1]
	}
	return answers
}

func TestReader(t *testing.T) {
	const denied = "1 error occurred:\n\t* permission denied\n\n"
	errAway := errors.New("connection refused")
	blocked := &api.ResponseError{StatusCode: 403, RawError: true, Errors: []string{"<html>blocked</html>"}}
	tests := map[string]struct {
		answers map[string]any
		cause   Cause
		err     string // Vault is away if not ""
	}{
		"a page in the place of resultant-acl":    {goodAnswers(resultant, blocked), PolicyHidden, "blocked"},
		"words of another in its place":           {goodAnswers(resultant, &api.ResponseError{StatusCode: 403}), PolicyHidden, "403"},
		"an answer of another in its place":       {goodAnswers(resultant, page(`{"message": "hello"}`)), PolicyHidden, "no request_id"},
		"an empty one":                            {goodAnswers(resultant, page(`{}`)), PolicyHidden, "no request_id"},
		"a page in the place of lookup-self":      {goodAnswers(lookupSelf, blocked), UsesUnknown, "blocked"},
		"a page in the place of sys/health":       {goodAnswers(health, blocked), EditionUnknown, ""},
		"a path that Vault does not have":         {goodAnswers(resultant, &api.ResponseError{StatusCode: 404, Errors: []string{}}), PolicyHidden, ""},
		"all is well":                             {goodAnswers(), "", ""},
		"lookup-self is refused":                  {goodAnswers(lookupSelf, vaultError(403, denied)), UsesUnknown, ""},
		"lookup-self says nothing of uses":        {goodAnswers(lookupSelf, `{"data": {"id": "x"}}`), UsesUnknown, ""},
		"nothing in the place of lookup-self":     {goodAnswers(lookupSelf, nil), UsesUnknown, "is empty"},
		"lookup-self fails":                       {goodAnswers(lookupSelf, vaultError(500, "oops")), "", "oops"},
		"the token's uses count":                  {goodAnswers(lookupSelf, `{"data": {"num_uses": 3}}`), LimitedUses, ""},
		"the token's uses are over":               {goodAnswers(lookupSelf, `{"data": {"num_uses": -1}}`), LimitedUses, ""},
		"Vault calls the token invalid":           {goodAnswers(lookupSelf, vaultError(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")), "", "invalid token"},
		"Vault is Enterprise":                     {goodAnswers(health, `{"version": "1.21.4+ent", "enterprise": true}`), Enterprise, ""},
		"an old Vault is Enterprise by version":   {goodAnswers(health, `{"version": "1.9.0+ent.hsm"}`), Enterprise, ""},
		"an old Vault says no more":               {goodAnswers(health, `{"version": "1.9.0"}`), EditionUnknown, ""},
		"sys/health is closed":                    {goodAnswers(health, vaultError(403, denied)), EditionUnknown, ""},
		"sys/health is a web page":                {goodAnswers(health, "<html>not for you</html>"), EditionUnknown, ""},
		"sys/health leads to a page":              {goodAnswers(health, &redirect.Error{Status: 302}), EditionUnknown, ""},
		"sys/health is a word":                    {goodAnswers(health, `"OK"`), EditionUnknown, ""},
		"sys/health is cut off":                   {goodAnswers(health, `{"version": "1.21`), "", "unexpected EOF"},
		"sys/health answers of a sealed Vault":    {goodAnswers(health, vaultError(503, "sealed")), "", "sealed"},
		"sys/health answers of a DR secondary":    {goodAnswers(health, vaultError(472, "secondary")), "", "secondary"},
		"resultant-acl is refused":                {goodAnswers(resultant, vaultError(403, denied)), PolicyHidden, ""},
		"resultant-acl says the entity is off":    {goodAnswers(resultant, vaultError(400, "permission denied")), PolicyHidden, ""},
		"nothing in the place of resultant-acl":   {goodAnswers(resultant, nil), PolicyHidden, "is empty"},
		"nothing in the place of sys/health":      {goodAnswers(health, nil), EditionUnknown, ""},
		"resultant-acl is rate limited":           {goodAnswers(resultant, vaultError(429, "quota")), "", "quota"},
		"resultant-acl lags behind":               {goodAnswers(resultant, vaultError(412, "state")), "", "state"},
		"resultant-acl cannot be reached":         {goodAnswers(resultant, errAway), "", errAway.Error()},
		"resultant-acl says more than understood": {goodAnswers(resultant, `{"data": {"root": true, "sentinel": []}}`), PolicyUnknown, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: test.answers}
			reader := &reader{vault: &identity{token: "t", read: s.read}, mounts: []Mount{{Path: demoMount}}}
			rules, err := reader.read(context.Background(), "t")
			if err == nil != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got error %v", err)
			}
			if rules == nil && test.cause == "" {
				return
			}
			if got := rules.Decide(request("GET proxy/v3/services")); got.Cause != test.cause {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTheEditionIsTheLastThatVaultTold(t *testing.T) {
	const (
		community  = `{"version": "1.21.4", "enterprise": false}`
		enterprise = `{"version": "1.21.4+ent", "enterprise": true}`
		silent     = `{"initialized": true, "sealed": false}`
	)
	blocked := &api.ResponseError{StatusCode: 403, RawError: true, Errors: []string{"<html>blocked</html>"}}
	tests := map[string]struct {
		answers []any
		cause   Cause // after the last
	}{
		"through pages, and answers that are none":   {[]any{community, blocked, "<html>", page(`{}`), nil, &redirect.Error{Status: 302}, silent}, ""},
		"through the same, of Enterprise":            {[]any{enterprise, blocked, "<html>", page(`{}`), nil, silent}, Enterprise},
		"not before there is one":                    {[]any{blocked, nil, silent}, EditionUnknown},
		"from the first on":                          {[]any{blocked, community, blocked}, ""},
		"another, where Vault has become Enterprise": {[]any{community, blocked, enterprise}, Enterprise},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			reader := &reader{vault: &identity{token: "t", read: s.read}, mounts: []Mount{{Path: demoMount}}}
			var last Cause
			for _, answer := range test.answers {
				s.answers = goodAnswers(health, answer)
				rules, err := reader.read(context.Background(), "t")
				if err != nil {
					t.Fatal(err)
				}
				last = rules.Decide(request("GET proxy/v3/services")).Cause
			}
			if last != test.cause {
				t.Errorf("calls are left to Vault because of %q", last)
			}
		})
	}
}

func TestWhatIsAskedOfVault(t *testing.T) {
	const healthQuery = health + "?perfstandbyok=true&standbyok=true"
	tests := map[string]struct {
		answers map[string]any
		mounts  []Mount
		twice   []string // what two readings ask
	}{
		"lookup-self once per token, the rest every time": {
			goodAnswers(), []Mount{{Path: "a"}, {Path: "b", ACLOnly: true}},
			[]string{lookupSelf, resultant, healthQuery, resultant, healthQuery},
		},
		"not the edition if no mount wants to know": {
			goodAnswers(), []Mount{{Path: "a", ACLOnly: true}},
			[]string{lookupSelf, resultant, resultant},
		},
		"the edition for a mount in a namespace, whatever else": {
			goodAnswers(), []Mount{{Path: "a", Namespace: "team", ACLOnly: true}},
			[]string{lookupSelf, resultant, healthQuery, resultant, healthQuery},
		},
		"nothing more of a token whose uses count": {
			goodAnswers(lookupSelf, `{"data": {"num_uses": 3}}`), []Mount{{Path: "a"}},
			[]string{lookupSelf},
		},
		"nothing more of a token that may not look itself up": {
			goodAnswers(lookupSelf, vaultError(403, "permission denied")), []Mount{{Path: "a"}},
			[]string{lookupSelf},
		},
		"lookup-self again if something else answered": {
			goodAnswers(lookupSelf, nil), []Mount{{Path: "a"}},
			[]string{lookupSelf, lookupSelf},
		},
		"lookup-self again if Vault was away": {
			goodAnswers(lookupSelf, vaultError(503, "sealed")), []Mount{{Path: "a"}},
			[]string{lookupSelf, lookupSelf},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: test.answers}
			reader := &reader{vault: &identity{token: "t", read: s.read}, mounts: test.mounts}
			for range 2 {
				_, _ = reader.read(context.Background(), "t")
			}
			if !slices.Equal(s.asked, test.twice) {
				t.Errorf("asked %q", s.asked)
			}
		})
	}
}

func TestAReadingDuringWhichTheTokenChangesCountsForNothing(t *testing.T) {
	for _, path := range []string{lookupSelf, health, resultant} {
		s := &script{answers: goodAnswers()}
		vault := &identity{token: "old"}
		vault.read = func(ctx context.Context, asked string, query url.Values) (*api.Secret, error) {
			if asked == path {
				vault.token = "new"
			}
			return s.read(ctx, asked, query)
		}
		reader := &reader{vault: vault, mounts: []Mount{{Path: demoMount}}}
		if _, err := reader.read(context.Background(), "old"); !errors.Is(err, errTokenChanged) {
			t.Errorf("%s: error %v", path, err)
		}
		if reader.lookedUp == "old" && path == lookupSelf {
			t.Error("what may be said of the new token is kept for the old")
		}
	}
}

func TestRefusalsKeepVaultsWords(t *testing.T) {
	if err := (refusal{io.EOF}); !errors.Is(err, io.EOF) {
		t.Error("lost")
	}
}
