// Command volumes provisions PersistentVolumes as folders of this node. It adds to upstream's provisioner library only the folder: watching claims,
// WaitForFirstConsumer, retries, events and the reclaim policy are the library's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func main() {
	klog.InitFlags(nil)
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server (empty: as a pod)")
	path := flag.String("path", "", "the folder that holds the volumes; made if absent")
	name := flag.String("provisioner-name", "slipway.dev/local", "the provisioner that storage classes name")
	node := flag.String("node-name", "", "the node that the folder belongs to (empty: the host's name)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *path, *name, *node); err != nil {
		fmt.Fprintln(os.Stderr, "volumes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, path, name, node string) error {
	if path == "" {
		return errors.New("--path is required")
	}
	if node == "" {
		hostname, err := os.Hostname()
		if err != nil {
			return err
		}
		node = hostname
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100 // the default, 5 calls a second, makes a burst of claims wait
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	folders, err := openFolders(path, node)
	if err != nil {
		return err
	}
	defer folders.Close()
	controller.NewProvisionController(ctx, client, name, folders, controller.LeaderElection(false)).Run(ctx)
	return nil
}
