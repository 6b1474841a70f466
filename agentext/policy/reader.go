// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/agentext/redirect"
)

// pathHealth is answered in a form of its own, and by load balancers in Vault's
// place.
const pathHealth = "sys/health"

// A Vault that is slow has its time, and one that was silent is heard as soon as
// it is back: a question without an answer is put once more, beside the first.
const (
	askAgain   = 2 * time.Second
	answerTime = 30 * time.Second // for one question, however often it is put
)

// errLate is why a reading is not over yet.
var errLate = fmt.Errorf("Vault has not answered within %s, and is waited for: %w", askAgain, context.DeadlineExceeded)

// reader reads the rules of the current token. One goroutine uses it.
type reader struct {
	vault     Vault
	namespace string // the token's own
	mounts    []Mount
	late      func() // hears of every two seconds without an answer; nil: nobody does

	token string // the token being read

	// What lookup-self said of a token. It is asked once only, because with a
	// token whose uses count the question uses it up.
	lookedUp string
	uses     Cause

	// Which Vault it is, once Vault has said so. That stays while the program runs,
	// whatever answers for sys/health at one time or another.
	editionKnown bool
	lastEdition  Cause
}

// errTokenChanged ends a reading during which the token was replaced.
var errTokenChanged = errors.New("the token was replaced")

// refusal is an answer by which Vault will not show something, as opposed to
// not being there.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// notVaults is an answer that is not in Vault's words: a page of a load balancer,
// a portal or a firewall in front of it, or nothing at all, for a moment or for
// good.
type notVaults struct{ error }

func (n notVaults) Unwrap() error { return n.error }

// read gives the rules of the token. An error means that Vault could not be
// asked: nothing is known that was not known before. Rules beside it are what to
// go by if nothing is.
func (r *reader) read(ctx context.Context, token string) (*Rules, error) {
	r.token = token
	cause, err := r.usesCount(ctx)
	switch {
	case errors.As(err, &notVaults{}):
		return undecidableRules(UsesUnknown), err
	case err != nil:
		return nil, err
	case cause != "":
		return undecidableRules(cause), nil
	}
	answer, err := r.ask(ctx, r.namespace, "sys/internal/ui/resultant-acl", nil)
	switch {
	case errors.As(err, &refusal{}):
		return undecidableRules(PolicyHidden), nil
	case errors.As(err, &notVaults{}):
		return undecidableRules(PolicyHidden), err
	case err != nil:
		return nil, err
	}
	edition, err := r.edition(ctx)
	if err != nil {
		return nil, err
	}
	return newRules(answer, r.mounts, edition), nil
}

// usesCount tells whether the token has num_uses; if so nothing else is asked.
func (r *reader) usesCount(ctx context.Context) (Cause, error) {
	if r.lookedUp == r.token {
		return r.uses, nil
	}
	answer, err := r.ask(ctx, r.namespace, "auth/token/lookup-self", nil)
	if err != nil && !errors.As(err, &refusal{}) {
		return "", err
	}
	r.lookedUp, r.uses = r.token, UsesUnknown
	if number, ok := answer["num_uses"].(json.Number); ok {
		if r.uses = LimitedUses; number == "0" {
			r.uses = ""
		}
	}
	return r.uses, nil
}

// edition tells whether Vault is Enterprise, as far as it was ever said: "" if it
// is Community, or if no mount wants to know.
func (r *reader) edition(ctx context.Context) (Cause, error) {
	if !needsEdition(r.mounts) {
		return "", nil
	}
	// These make a standby answer 200 too.
	query := url.Values{"standbyok": {"true"}, "perfstandbyok": {"true"}}
	answer, err := r.ask(ctx, "", pathHealth, query)
	if err != nil && !errors.As(err, &refusal{}) && !errors.As(err, &notVaults{}) && !isPage(err) {
		return "", err
	}
	found := editionOf(answer)
	if found == EditionUnknown && r.editionKnown {
		return r.lastEdition, nil
	}
	r.lastEdition, r.editionKnown = found, found != EditionUnknown
	return found, nil
}

// editionOf reads what sys/health says.
func editionOf(health map[string]any) Cause {
	enterprise, known := health["enterprise"].(bool)
	version, _ := health["version"].(string)
	switch {
	case enterprise, strings.Contains(version, "+ent"):
		return Enterprise
	case !known:
		return EditionUnknown
	default:
		return ""
	}
}

// isPage tells whether an answer came, but not from Vault: it is no JSON, not
// Vault's, or leads to a page, as where a load balancer that keeps sys/health to
// itself answers. An answer that was cut off is none.
func isPage(err error) bool {
	return errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) || errors.As(err, new(*redirect.Error))
}

func needsEdition(mounts []Mount) bool {
	for _, mount := range mounts {
		if !mount.ACLOnly || mount.Namespace != "" {
			return true
		}
	}
	return false
}

// ask puts one question with the token and gives the data of the answer.
func (r *reader) ask(ctx context.Context, namespace, path string, query url.Values) (map[string]any, error) {
	secret, err := r.first(ctx, namespace, path, query)
	if r.vault.Token() != r.token {
		return nil, errTokenChanged // who knows which of the two was sent
	}
	switch {
	case err != nil && refuses(err):
		if !inVaultsWords(err) {
			return nil, notVaults{err}
		}
		return nil, refusal{err}
	case err != nil:
		return nil, err
	case secret == nil:
		// Vault has something to say here, or refuses. Its client gives the second of
		// two redirects back like this, too: standbys that each name the other.
		return nil, notVaults{errors.New("what answered for " + path + " is not Vault: its answer is empty")}
	case path != pathHealth && secret.RequestID == "":
		return nil, notVaults{errors.New("what answered for " + path + " is not Vault: its answer has no request_id")}
	case secret.Data == nil:
		return nil, refusal{errors.New("the answer to " + path + " is empty")}
	default:
		return secret.Data, nil
	}
}

// first gives the first answer, or failure, of a question that is put every two
// seconds until then. When it returns none is under way.
func (r *reader) first(ctx context.Context, namespace, path string, query url.Values) (*api.Secret, error) {
	type answer struct {
		secret *api.Secret
		err    error
	}
	var asked sync.WaitGroup
	defer asked.Wait()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	answers := make(chan answer)
	for r.vault.Token() == r.token {
		asked.Go(func() {
			secret, _, err := r.vault.Read(ctx, namespace, path, query)
			select {
			case answers <- answer{secret, err}:
			case <-ctx.Done(): // nobody waits for it
			}
		})
		select {
		case a := <-answers:
			return a.secret, a.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-again.C:
			if r.late != nil {
				r.late()
			}
		}
	}
	return nil, errTokenChanged
}

// refuses tells whether Vault has understood the question and will not answer.
// A token that Vault calls invalid is the identity's business: a new one comes,
// or the application is not logged in.
func refuses(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	for _, text := range answer.Errors {
		if strings.Contains(text, "invalid token") {
			return false
		}
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	default:
		return false
	}
}

// inVaultsWords tells whether a refusal is Vault's own, {"errors": […]}.
func inVaultsWords(err error) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && !answer.RawError && answer.Errors != nil
}
