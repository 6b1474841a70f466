// SPDX-License-Identifier: MPL-2.0

package autoauth

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Setenv("STATE_DIRECTORY", os.DevNull) // nothing of the tests' logins is kept
	goleak.VerifyTestMain(m,
		// Vault's own, started when its packages are loaded, or left by a core
		// that was shut down.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"),
		goleak.IgnoreTopFunction("github.com/hashicorp/vault/vault.(*Core).setupCachedMFAResponseAuth.func1"),
	)
}

// script is a Vault that answers what a test says.
type script func(r *http.Request) (status int, body string)

// vault is a script as the transport of a client; it remembers its requests.
type vault struct {
	answer script

	mu   sync.Mutex
	seen []*http.Request
}

func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.seen = append(v.seen, r)
	v.mu.Unlock()
	status, body := v.answer(r)
	if status == 0 {
		if body == hangs {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r,
		Header: http.Header{"Date": {"Sun, 01 Mar 2026 12:00:00 GMT"}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}, nil
}

const (
	away  = "away"  // with the status 0: no connection
	hangs = "hangs" // with the status 0: no answer
)

func (v *vault) requests() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.seen)
}

const (
	denied  = `{"errors": ["1 error occurred:\n\t* permission denied\n\n"]}`
	invalid = `{"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`
)

// identity makes one that asks the script, and what auto-auth is told.
func identity(t *testing.T, answer script) (*Identity, *vault, <-chan error) {
	t.Helper()
	v := &vault{answer: answer}
	client, err := api.NewClient(&api.Config{Address: "http://vault", HttpClient: &http.Client{Transport: v}})
	if err != nil {
		t.Fatal(err)
	}
	client.SetMaxRetries(0)
	told := make(chan error, 1)
	return newIdentity(client, &renewals{log: hclog.NewNullLogger()}, told), v, told
}

// diary is what listeners were told, in order.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer: a diary can be a log.
func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.TrimSpace(strings.ReplaceAll(d.text.String(), "\n", ", "))
}

// listen writes what a listener of that name is told into the diary.
func (d *diary) listen(i *Identity, name string) {
	i.Listen(Listener{
		Changed: func() { fmt.Fprintln(d, name, "changed to", i.Token()) },
		Lost:    func() { fmt.Fprintln(d, name, "lost", i.Previous()) },
	})
}
