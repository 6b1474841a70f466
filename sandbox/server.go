// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
)

// closeWait is how long requests in flight have to end when a server is closed:
// briefly, as whoever sent them is told to end, too.
const closeWait = 200 * time.Millisecond

// server answers requests in the background.
type server struct {
	http *http.Server
	left chan struct{} // closed when it has left its listener
}

// serve starts a server, which takes the listener over.
func serve(listener net.Listener, handler http.Handler, logger hclog.Logger) *server {
	s := &server{
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second, // as Vault's listeners have it (command/server.go)
			IdleTimeout:       5 * time.Minute,
			ErrorLog:          logger.StandardLogger(&hclog.StandardLoggerOptions{InferLevels: true}),
		},
		left: make(chan struct{}),
	}
	go func() {
		defer close(s.left)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("stopped serving", "address", listener.Addr().String(), "error", err)
		}
	}()
	return s
}

// Close closes the listener and ends the connections, those with a request in
// flight after a short while.
func (s *server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.left
	return err
}
