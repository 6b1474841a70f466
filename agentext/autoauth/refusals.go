// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// refusedPause is the least time between a login that Vault refused and the
	// first one of the next start; it doubles with each refusal, up to mostRefusedPause.
	refusedPause     = 2 * time.Second
	mostRefusedPause = time.Minute
)

// refusals remembers logins that Vault refused from one start of the program to
// the next. Who restarts it whenever it is not ready would ask Vault at each start
// otherwise, with what Vault has just refused: [AuthHandler]'s pauses begin anew.
//
// [AuthHandler]: https://pkg.go.dev/github.com/hashicorp/vault/command/agentproxyshared/auth
type refusals struct {
	file string // where they are kept; "": there is no place
	with string // a digest of what is logged in with
	log  hclog.Logger

	mu    sync.Mutex
	path  string // of logins; "": not known yet
	count int    // in a row
}

// refused is what is kept. It holds nothing secret.
type refused struct {
	With  string    `json:"with"`
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

// newRefusals makes the memory of a block's logins. Where no calls wait for them,
// they are as Vault Proxy's.
func newRefusals(c Config, log hclog.Logger) *refusals {
	method := c.AutoAuth.Method
	r := &refusals{with: digest(c.VaultAddress, method.Type, method.MountPath, stamped(method.Config)), log: log}
	if dir := stateDir(); dir != "" && c.Waited {
		r.file = filepath.Join(dir, "refused-login-"+digest(c.VaultAddress, method.Type, method.MountPath, method.Config)[:16])
	}
	return r
}

// stateDir is where something can be kept: systemd's StateDirectory [systemd.exec],
// or the user's own; "" without either.
func stateDir() string {
	if dirs := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); len(dirs) > 0 {
		return dirs[0]
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "mashproxy")
	}
	return ""
}

// stamped is a method's settings, with the times of the files that they name: who
// puts other credentials into one is not to wait.
func stamped(settings map[string]any) map[string]any {
	all := make(map[string]any, len(settings))
	for key, value := range settings {
		all[key] = value
		name, _ := value.(string)
		if info, err := os.Stat(name); err == nil {
			all[key] = []any{name, info.ModTime(), info.Size()}
		}
	}
	return all
}

func digest(parts ...any) string {
	text, _ := json.Marshal(parts) // what a file says can be written so
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// next is when to log in first, if Vault refused the latest logins of earlier starts;
// zero, or in the past: at once.
func (r *refusals) next() time.Time {
	known := r.recall()
	r.mu.Lock()
	r.count = known.Count
	r.mu.Unlock()
	if known.Count == 0 {
		return time.Time{}
	}
	next := known.Last.Add(known.pause())
	if left := time.Until(next); left > 0 {
		r.log.Warn("Vault has refused the latest logins with these credentials, before this start; remove the file to log in at once",
			"refused", known.Count, "next_login_in", left.Round(time.Millisecond), "file", r.file)
	}
	return next
}

// pause is how long to wait after that, and a little more, so that many proxies do
// not come together.
func (r refused) pause() time.Duration {
	pause := refusedPause
	for n := 1; n < r.Count && pause < mostRefusedPause; n++ {
		pause *= 2
	}
	pause = min(pause, mostRefusedPause)
	return pause + rand.N(pause/8)
}

// recall is what was kept of logins with the same credentials, unless it cannot be
// meant.
func (r *refusals) recall() (known refused) {
	if r.file == "" {
		return refused{}
	}
	text, err := os.ReadFile(r.file)
	if err != nil || json.Unmarshal(text, &known) != nil || known.With != r.with || known.Count < 0 || known.Last.After(time.Now()) {
		return refused{}
	}
	return known
}

// expect takes in to where the next login goes.
func (r *refusals) expect(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.path = path
}

// over is the layer above the transport to Vault.
func (r *refusals) over(next http.RoundTripper) http.RoundTripper { return witness{next, r} }

// witness is a transport on which it is seen how logins end.
type witness struct {
	next     http.RoundTripper
	refusals *refusals
}

// RoundTrip implements http.RoundTripper.
func (w witness) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(request)
	if err == nil {
		w.refusals.judge(request, answer)
	}
	return answer, err
}

// judge takes in the answer to a request, if it is a login.
func (r *refusals) judge(request *http.Request, answer *http.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.path == "" || request.URL.Path != "/v1/"+r.path:
	case answer.StatusCode == http.StatusOK:
		r.count = 0
		r.keep(os.Remove(r.file))
	case isRefusal(answer):
		r.count++
		r.keep(r.write())
	}
}

// isRefusal tells Vault's no to a login from its being away, busy or sealed, and
// from what something else says in its place.
func isRefusal(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		return kind == "application/json"
	}
	return false
}

func (r *refusals) write() error {
	if r.file == "" {
		return nil
	}
	text, err := json.Marshal(refused{r.with, r.count, time.Now()})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(r.file, text, 0o600)
}

// keep says why something could not be kept. The program does its work without.
func (r *refusals) keep(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.log.Debug("that Vault refused a login is forgotten at the next start", "error", err)
	}
}
