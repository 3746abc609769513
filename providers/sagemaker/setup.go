package sagemaker

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
)

// maxHours is for how long SageMaker lets a training run: 28 days.
const maxHours = 28 * 24

// goodRole is the form of a role's name.
var goodRole = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`)

// What is wrong with the settings of trainings.
var (
	errRole   = errors.New(envRole + ": write it as arn:aws:iam::123456789012:role/name, since " + envFolder + " is set")
	errFolder = errors.New(envFolder + ": set it to a folder, such as s3://bucket/tunes, since " + envRole + " is set")
	errTuned  = errors.New(envTuned + ": write each as endpoint=model-of-the-hub")
	errHours  = errors.New(envHours + ": set it to a number of hours from 1 to 672")
)

// The ways to train.
const (
	wayMachines   = "container"
	wayServerless = "serverless"
)

// What is wrong with the settings of trainings without machines.
var (
	errWay   = errors.New(envWay + ": set it to " + wayMachines + " or " + wayServerless)
	errGroup = errors.New(envGroup + ": set it to arn:aws:sagemaker:region:123456789012:model-package-group/name, since " +
		envWay + " is " + wayServerless)
	errTokens = errors.New(envTokens + ": write each as model-of-the-hub=2.40, the number being dollars for a million tokens")
	errUnused = errors.New(envWay + ": set it to " + wayServerless + ", or leave " + envGroup + " and " + envMlflow + " out")
	errNoSpot = errors.New(envSpot + ": leave it out, since " + envWay + " is " + wayServerless + ", which takes no machines")
	errMlflow = errors.New(envMlflow + ": write it as arn:aws:sagemaker:region:123456789012:mlflow-tracking-server/name")
)

var (
	goodGroup  = regexp.MustCompile(`^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package-group/[a-zA-Z0-9][a-zA-Z0-9-]*$`)
	goodMlflow = regexp.MustCompile(`^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-[a-z-]+/.+$`)
)

// withTuning returns the driver with trainings and deployments where they are set up.
func withTuning(
	d *driver, key *amazon.Key, value func(env string) string, config providers.Config,
) (providers.Driver, error) {
	role, folder := value(envRole), value(envFolder)
	switch {
	case role == "" && folder == "":
		return d, nil
	case !goodRole.MatchString(role):
		return nil, errRole
	case folder == "":
		return nil, errFolder
	}
	machines, err := parsePrices(value(envInstances), "ml.", errInstances)
	if err != nil {
		return nil, err
	}
	hours, err := strconv.ParseInt(value(envHours), 10, 64)
	if err != nil || hours < 1 || hours > maxHours {
		return nil, errHours
	}
	named, err := parseTuned(value(envTuned))
	if err != nil {
		return nil, err
	}
	open := func(uri string) (*amazon.Bucket, error) {
		return amazon.NewBucket(amazon.Folder{
			Vendor: name, Env: envFolder, URI: uri, Base: value(amazon.EnvS3), Secrets: key.Secrets,
		}, key, config)
	}
	bucket, err := open(folder)
	if err != nil {
		return nil, err
	}
	quotas, err := amazon.NewQuotas(amazon.Account{Vendor: name, Base: value(amazon.EnvQuotas), Secrets: key.Secrets}, key, config)
	if err != nil {
		return nil, err
	}
	tuning := &tuner{
		files: &files{d.plane, bucket, inBuckets(open), dialog}, rooms: rooms{d.plane, quotas}, role: role, machines: machines,
		hours: hours, named: named,
		licence: value(envLicence) == "true", spot: value(envSpot) == "true",
	}
	made := &tuningDriver{driver: d, tuning: tuning, trainer: tuning, region: key.Region}
	return made, made.choose(value)
}

// inBuckets finds an object of any bucket by its address.
func inBuckets(open func(uri string) (*amazon.Bucket, error)) func(string) (*amazon.Bucket, string, error) {
	return func(uri string) (*amazon.Bucket, string, error) {
		named, key, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
		bucket, err := open("s3://" + named)
		return bucket, key, err
	}
}

// choose takes the way to train that is set.
func (d *tuningDriver) choose(value func(env string) string) (err error) {
	d.tuning.tokens, err = parsePrices(value(envTokens), "", errTokens)
	switch way := value(envWay); {
	case err != nil:
		return err
	case way == wayMachines && value(envGroup)+value(envMlflow) != "":
		return errUnused
	case way == wayMachines:
		return nil
	case way != wayServerless:
		return errWay
	case d.tuning.spot:
		return errNoSpot
	case !goodGroup.MatchString(value(envGroup)):
		return errGroup
	case value(envMlflow) != "" && !goodMlflow.MatchString(value(envMlflow)):
		return errMlflow
	}
	d.tuning.row, d.serverless = sample, true
	d.trainer = serverless{d.tuning, value(envGroup), value(envMlflow)}
	return nil
}

// parseTuned reads endpoints with the names of their models in the hub.
func parseTuned(setting string) (map[string]string, error) {
	named := map[string]string{}
	for pair := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		endpoint, model, found := strings.Cut(strings.TrimSpace(pair), "=")
		if !found || endpoint == "" || model == "" {
			return nil, errTuned
		}
		named[endpoint] = model
	}
	return named, nil
}
