FROM busybox
RUN mkdir -p /usr/src/app
WORKDIR /usr/src/app
ONBUILD ARG STAGE=production
ONBUILD ENV STAGE=$STAGE
ONBUILD COPY app.sh .
ONBUILD RUN sh app.sh > built
CMD ["cat", "built"]
