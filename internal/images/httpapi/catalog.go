package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/rest"
)

const (
	catalogPage  = 1000
	catalogBytes = 4 << 20
)

// catalog lists the repositories that the caller may read: the registry's own
// page, without the others'. A page may so be shorter than asked for; Link says
// whether more follow.
func (a *API) catalog(w http.ResponseWriter, r *http.Request) {
	page, link, err := a.catalogOf(r)
	if err != nil {
		rest.WriteError(w, r, err)
		return
	}
	may := map[string]bool{}
	out := []string{}
	for _, repository := range page {
		ns := owner(repository)
		allowed, known := may[ns]
		if !known {
			err := authz.Check(r.Context(), "get", Group, Resource, ns)
			if err != nil && !authz.IsForbidden(err) {
				rest.WriteError(w, r, err)
				return
			}
			allowed = err == nil
			may[ns] = allowed
		}
		if allowed {
			out = append(out, repository)
		}
	}
	if link != "" {
		w.Header().Set("Link", link)
	}
	rest.Write(w, http.StatusOK, map[string][]string{"repositories": out})
}

func (a *API) catalogOf(r *http.Request) (repositories []string, link string, err error) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || n <= 0 || n > catalogPage {
		n = catalogPage
	}
	u := a.registry.JoinPath(Prefix, "_catalog")
	query := u.Query()
	query.Set("n", strconv.Itoa(n))
	if last := r.URL.Query().Get("last"); last != "" {
		query.Set("last", last)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", err
	}
	req.SetBasicAuth(a.credential.Username, a.credential.Password)
	res, err := a.proxy.Transport.RoundTrip(req)
	if err != nil {
		return nil, "", rest.Errorf(rest.Unavailable, "the bundled registry does not answer")
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("the registry's catalog: %s", res.Status)
	}
	var body struct {
		Repositories []string `json:"repositories"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, catalogBytes)).Decode(&body); err != nil {
		return nil, "", fmt.Errorf("the registry's catalog: %w", err)
	}
	return body.Repositories, res.Header.Get("Link"), nil
}
