package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/slipway-ml/slipway/internal/authz"
	"github.com/slipway-ml/slipway/internal/pipelines"
	"github.com/slipway-ml/slipway/internal/pipelines/sqlstore"
	"github.com/slipway-ml/slipway/internal/rest"
)

// Deps are what the API works with; every field must be set.
type Deps struct {
	Store *sqlstore.Store
	Clock func() time.Time
	NewID func() string // UUIDs
	// BucketPrefix is put before a profile's name to name its bucket.
	BucketPrefix string
	// Version is the product's, told by healthz.
	Version string
	// Log opens the log of one attempt, following it while the attempt runs when
	// asked to. pipelines.ErrNotFound says that there is none.
	Log func(ctx context.Context, run *pipelines.Run, attempt pipelines.Attempt, follow bool) (io.ReadCloser, error)
	// OpenArtifact opens an artifact's file with the profile's own key and says its
	// size, -1 where that is not known. pipelines.ErrNotFound says that it is gone.
	OpenArtifact func(ctx context.Context, namespace, uri string) (io.ReadCloser, int64, error)
}

// API serves the routes.
type API struct{ Deps }

// New makes the API.
func New(deps Deps) *API { return &API{deps} }

const (
	v2beta1  = "/apis/v2beta1"
	v1alpha1 = "/apis/v1alpha1"
)

// Mount registers all routes.
func (a *API) Mount(router *authz.Router) {
	a.mountExperiments(router)
	a.mountPipelines(router)
	a.mountRuns(router)
	for _, path := range []string{v2beta1 + "/healthz", "/apis/v1beta1/healthz"} {
		router.Handle("GET "+path, authz.Public("clients ask it before they log in"), rest.Handler(a.healthz))
	}
}

func (a *API) healthz(*http.Request) (any, error) {
	return struct {
		TagName       string `json:"tag_name"`
		MultiUser     bool   `json:"multi_user"`
		PipelineStore string `json:"pipeline_store"`
	}{a.Version, true, "database"}, nil
}

func (a *API) mountExperiments(router *authz.Router) {
	const path = v2beta1 + "/experiments"
	byID := byID("experiment", "experiments", a.experimentNamespace)
	router.Handle("POST "+path, need("experiments", "create", inBody("namespace")), handle(a.createExperiment))
	router.Handle("GET "+path, need("experiments", "list", authz.InQuery("namespace")), handle(a.listExperiments))
	router.Handle("GET "+path+"/{experiment}", byID("get"), handle(a.getExperiment))
	router.Handle("DELETE "+path+"/{experiment}", byID("delete"), handle(a.deleteExperiment))
	router.Handle("POST "+path+"/{experiment}:archive", byID("archive"), handle(a.archiveExperiment(pipelines.Archived)))
	router.Handle("POST "+path+"/{experiment}:unarchive", byID("unarchive"), handle(a.archiveExperiment(pipelines.Available)))
}

func (a *API) mountPipelines(router *authz.Router) {
	const path = v2beta1 + "/pipelines"
	byID, named := byID("pipeline", "pipelines", a.pipelineNamespace), byID("pipeline", "pipelines", a.namesOrVersionsNamespace)
	router.Handle("POST "+path, need("pipelines", "create", inBody("namespace")), handle(a.createPipeline))
	router.Handle("POST "+path+"/create", need("pipelines", "create", inBody("pipeline", "namespace")), handle(a.createPipelineAndVersion))
	router.Handle("POST "+path+"/upload", need("pipelines", "create", authz.InQuery("namespace")), handleUpload(a.uploadPipeline))
	router.Handle("POST "+path+"/upload_version", byID("update"), handleUpload(a.uploadVersion))
	router.Handle("GET "+path, need("pipelines", "list", authz.InQuery("namespace")), handle(a.listPipelines))
	router.Handle("GET "+path+"/{pipeline}", byID("get"), handle(a.getPipeline))
	router.Handle("PATCH "+path+"/{pipeline}", byID("update"), handle(a.updatePipeline))
	router.Handle("DELETE "+path+"/{pipeline}", byID("delete"), handle(a.deletePipeline))
	// ServeMux holds /pipelines/names/{name} and /pipelines/{id}/versions to be in
	// conflict, so one route serves both.
	router.Handle("GET "+path+"/{pipeline}/{rest}", named("get"), handle(a.namesOrVersions))
	router.Handle("POST "+path+"/{pipeline}/versions", byID("update"), handle(a.createVersion))
	router.Handle("GET "+path+"/{pipeline}/versions/{version}", byID("get"), handle(a.getVersion))
	router.Handle("PATCH "+path+"/{pipeline}/versions/{version}", byID("update"), handle(a.updateVersion))
	router.Handle("DELETE "+path+"/{pipeline}/versions/{version}", byID("delete"), handle(a.deleteVersion))
}

func (a *API) mountRuns(router *authz.Router) {
	const path = v2beta1 + "/runs"
	byID, artifactByID := byID("run", "runs", a.runNamespace), byID("artifact", "runs", a.artifactNamespace)
	router.Handle("POST "+path, a.newRun(), handle(a.createRun))
	router.Handle("GET "+path, narrowing("experiment_id", "experiment", a.listedRunsNamespace), handle(a.listRuns))
	router.Handle("GET "+path+"/{run}", byID("get"), handle(a.getRun))
	router.Handle("DELETE "+path+"/{run}", byID("delete"), handle(a.deleteRun))
	router.Handle("POST "+path+"/{run}:archive", byID("archive"), handle(a.archiveRun(pipelines.Archived)))
	router.Handle("POST "+path+"/{run}:unarchive", byID("unarchive"), handle(a.archiveRun(pipelines.Available)))
	router.Handle("POST "+path+"/{run}:terminate", byID("terminate"), handle(a.terminateRun))
	router.Handle("GET "+path+"/{run}/tasks", byID("get"), handle(a.listTasks))
	router.Handle("GET "+path+"/{run}/tasks/{task}", byID("get"), handle(a.getTask))
	router.Handle("GET "+path+"/{run}/nodes/{node}/artifacts/{artifact}:read", byID("readArtifact"), http.HandlerFunc(a.readArtifact))
	router.Handle("GET "+v1alpha1+"/runs/{run}/nodes/{node}/log", byID("get"), http.HandlerFunc(a.readLog))
	router.Handle("GET "+v2beta1+"/artifacts", narrowing("run_id", "run", a.listedArtifactsNamespace), handle(a.listArtifacts))
	router.Handle("GET "+v2beta1+"/artifacts/{artifact}", artifactByID("get"), handle(a.getArtifact))
}
